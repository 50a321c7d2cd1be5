"""Texts of ``chainrule audit``: (English, Chinese) by key."""

from __future__ import annotations

AUDIT: dict[str, tuple[str, str]] = {
    "audit": (
        "measure whether rows of the training can be recognized (membership inference, bound of epsilon)",
        "测量能否识别出训练所用的行（成员推断、ε 的下界）",
    ),
    "audit_data": (
        "rows of the training; by default the file that RUN records",
        "训练所用的数据；默认为 RUN 记录的文件",
    ),
    "audit_others": (
        "rows like those of the training that it did not use; by default its test rows",
        "与训练数据同类、但未参与训练的行；默认为其测试行",
    ),
    "audit_shadows": (
        "even number of models that are trained on random halves of the rows, 8 by default; 0: none",
        "用随机一半的行训练的影子模型个数（偶数），默认 8；0 表示不用",
    ),
    "audit_canaries": (
        "train once with this number of wrongly labeled rows, each used or not by a coin, and bound epsilon",
        "加入这么多个错误标签的行（各由抛硬币决定是否使用）训练一次，并给出 ε 的下界",
    ),
    "audit_claim": (
        "epsilon that is claimed for the training; the audit states whether it is refuted",
        "训练所声称的 ε；审计会说明它是否被否定",
    ),
    "audit_delta": ("delta of the claim, 0 by default", "所声称的 δ，默认 0"),
    "audit_seed": (
        "seed of halves, canaries and trainings; coins have none",
        "分半、探针和训练的种子；硬币不用种子",
    ),
    "audit_html": ("file for the page; by default audit.html in RUN", "页面文件；默认为 RUN 中的 audit.html"),
    "audit_out": ("also write the score of each row", "同时写出每一行的得分"),
    "audit_training": ("training {number} of {count}", "第 {number} / {count} 次训练"),
    "audit_other_kind": (
        "The test rows are of a later time or of other groups: an attack may recognize that instead of the "
        "training.",
        "测试行来自更晚的时间或其他组：攻击识别出的可能是这一差别，而不是训练本身。",
    ),
}  # fmt: skip
