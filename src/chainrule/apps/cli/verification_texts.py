"""The texts of certificates and ``chainrule verify`` in English and Chinese."""

from __future__ import annotations

VERIFICATION: dict[str, tuple[str, str]] = {
    "certified": (
        "Certificates for changes of each input by at most {radius} {unit}: {proven} proven, {broken} "
        "broken, {unknown} unknown.",
        "各输入的改变不超过 {radius} {unit}：{proven} 个已证明，{broken} 个被攻破，{unknown} 个未知。",
    ),
    "certified_units": ("(pixels: 0 to 1)", "（像素为 0 到 1）"),
    "certified_prepared": (
        "in prepared columns (numbers: standard deviations)",
        "（预处理后的列，数值列以标准差计）",
    ),
    "verify": (
        "prove a property of a network in an ONNX file, or find a counterexample (exit code 0: holds, "
        "3: violated, 4: unknown, 5: the property is about no input)",
        "证明 ONNX 文件中网络的性质，或找出反例（退出码 0：成立，3：被违反，4：未知，5：性质不涉及任何输入）",
    ),
    "verify_holds": (
        "No input of the property violates it: proven in exact arithmetic, and for the network as it runs, "
        "with its rounding errors.",
        "性质范围内没有任何输入违反它：按精确算术证明，并对实际运行的网络（含舍入误差）同样成立。",
    ),
    "verify_violated": (
        "This input violates the property: the network was run on it, and exact arithmetic confirms it.",
        "下面的输入违反该性质；已用网络实际计算，并按精确算术核对。",
    ),
    "verify_unknown": (
        "Neither a proof nor a counterexample was found in this time.",
        "在限定时间内既没有证明，也没有找到反例。",
    ),
    "verify_empty": (
        "No input satisfies all assertions, so the property is about nothing, and nothing was proven of the "
        "network. (In the verification competition this is unsat.) Check the bounds of the inputs.",
        "没有任何输入满足全部断言：该性质不涉及任何输入，也没有证明网络的任何性质。"
        "（按验证竞赛的约定，结果为 unsat。）请检查输入的界。",
    ),
    "verify_contradiction": ("These bounds exclude one another: {bounds}", "以下的界互相矛盾：{bounds}"),
    "verify_counts": (
        "{inputs} inputs, {outputs} outputs; cases of a violation: {cases}; parts examined: {boxes:,}; "
        "{seconds:.1f} s",
        "{inputs} 个输入，{outputs} 个输出；违反的情形：{cases}；检查的区域：{boxes:,}；{seconds:.1f} 秒",
    ),
    "verify_variable": ("variable", "变量"),
    "verify_value": ("value", "数值"),
    "verify_more": (
        "... only the first {count} of each; --out FILE writes all",
        "……各只显示前 {count} 个；--out FILE 保存全部",
    ),
}
