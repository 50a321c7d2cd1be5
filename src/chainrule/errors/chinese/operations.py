"""What errors about nodes, graphs and operations expect, receive and advise."""

PHRASES: dict[str, str] = {
    "do not trust this file: no network that was trained and saved looks like this": (
        "不要信任此文件：训练后保存的网络不会是这样"
    ),
    "arrays of the shapes that the file holds": "形状与文件中一致的数组",
    "{first} to {last}": "{first} 到 {last}",
    "{text} (C3)": "{text} (C3)",
    "axis {axis} at least {width} wide (the window)": "轴 {axis} 至少宽 {width}（窗口）",
    "axis {axis} at least {width} wide (the window, {window} with dilation {dilation})": (
        "轴 {axis} 至少宽 {width}（窗口 {window}，扩张 {dilation}）"
    ),
    "axis {axis} is {width} wide": "轴 {axis} 宽 {width}",
    "axis {axis} is {width} wide, {length} padded with {low} and {high}": (
        "轴 {axis} 宽 {width}，即 {length} 加上填充 {low} 和 {high}"
    ),
    "{name}: {expected}, received {received}": "{name}：{expected}，收到 {received}",
    "{text} ({name})": "{text} ({name})",
    "a table with rows (C1)": "有行的表 (C1)",
    "one axis at a time (C3)": "每次一个轴 (C3)",
    "an axis of fixed length (C3)": "长度固定的轴 (C3)",
    "one axis at a time (C4)": "每次一个轴 (C4)",
    "every axis named once (C1)": "每个轴各写一次 (C1)",
    "an entry for each axis (C1)": "每个轴一项 (C1)",
    "an axis that is not empty (C2)": "不为空的轴 (C2)",
    "matrices with equal leading axes (C2)": "前面的轴相等的矩阵 (C2)",
    "a plain number": "普通的数",
    "what the step gives": "单步的返回值",
    "a second list": "第二个列表",
    "{count} of {total} indices are so": "{total} 个下标中有 {count} 个如此",
    "an index from 0 to {last}, or {rows} rows": "0 到 {last} 的下标，或 {rows} 行",
    "an index from 0 to {last}": "0 到 {last} 的下标",
    "one list of places at once": "一次只用一个位置列表",
    "x[[0, 2]][:, [1, 1]], one after the other": "x[[0, 2]][:, [1, 1]]，一个接一个",
    "integers, slices, a list of integers, ... and None": "整数、切片、整数列表、... 和 None",
    "lengths >= 0": "长度不小于 0",
    "an array or a number": "数组或数",
    "(B, *space, C), one to three spatial axes, all lengths but B known (C1)": (
        "(B, *space, C)，一到三个空间轴，除 B 外长度都已知 (C1)"
    ),
    "0 <= start <= stop <= {length}, step >= 1 (C2)": "0 <= start <= stop <= {length}，step >= 1 (C2)",
    "0 to {last} (C1)": "0 到 {last} (C1)",
    "0 to {last}": "0 到 {last}",
    "0 to {last}, each once": "0 到 {last}，每个一次",
    "{first} to {last}, each once": "{first} 到 {last}，每个一次",
    "a divisor of {count}": "{count} 的约数",
    "an order of {axes}": "{axes} 的一个排列",
    "at least one cell (C3)": "至少一个格 (C3)",
    "at most {limit} indices": "至多 {limit} 个下标",
    "{count} indices": "{count} 个下标",
    "channels that {groups} groups divide (C5)": "能被 {groups} 个组整除的通道数 (C5)",
    "{channels} channels in, {filters} out": "输入 {channels} 个通道，输出 {filters} 个",
    "{depth} deep": "深 {depth}",
    "{depth} deep: {channels} channels{shared} (C6)": "深 {depth}：{channels} 个通道{shared} (C6)",
    "low <= high": "low <= high",
    "no sequence": "没有序列",
    "one number of cells (C2)": "同样多的格 (C2)",
    "0 cells": "0 个格",
    "padding narrower than the window {window}": "小于窗口 {window} 的填充",
    "padding {low} and {high}": "填充 {low} 和 {high}",
    "padding: a number >= 0 or a pair of them for each of {count} spatial axes (C2)": (
        "padding：{count} 个空间轴各一个不小于 0 的数，或一对 (C2)"
    ),
    'padding="same", or a smaller window': 'padding="same"，或更小的窗口',
    "{name}: an integer >= {minimum} for each of {axes} spatial axes (C2)": (
        "{name}：{axes} 个空间轴各一个不小于 {minimum} 的整数 (C2)"
    ),
    "window, stride, dilation >= 1 and padding >= 0, each of {count} numbers (C2)": (
        "window、stride、dilation >= 1，padding >= 0，各 {count} 个数 (C2)"
    ),
    "weights (O, *kernel, I), {count} axes of kernel, all known (C1)": (
        "权重 (O, *kernel, I)，卷积核 {count} 个轴，都已知 (C1)"
    ),
    "states after the step: {names}": "一步之后的状态：{names}",
    "step 1 on an axis of symbolic length (C3)": "长度未定的轴上步长为 1 (C3)",
    "slice step {step}": "步长 {step}",
    "{spec} but for axis {axis} (C2)": "除轴 {axis} 外为 {spec} (C2)",
    "{count} elements {shape}": "{count} 个元素 {shape}",
    "{count} inputs (C1)": "{count} 个输入 (C1)",
    "{index} at position {position}": "位置 {position} 处为 {index}",
    "{value!r} beside {dtype}": "{dtype} 旁边是 {value!r}",
    "{index} of axis {axis}": "轴 {axis} 的 {index}",
    "{start}:{stop}:{step} of axis {axis}": "轴 {axis} 的 {start}:{stop}:{step}",
    "shape (), floating-point": "形状 ()，浮点数",
    "a path of differentiable operations": "每一步都可微的路径",
    "a list of {content}": "{content} 的列表",
    'the shape of input "{name}"': "输入“{name}”的形状",
    "more than {limit:,}": "超过 {limit:,}",
    "at most {limit:,} bytes of tables": "至多 {limit:,} 字节的常量表",
    "a table of {size} bytes": "{size} 字节的常量表",
    "more than {limit:,} operations": "超过 {limit:,} 个运算",
    "at most {limit} axes": "至多 {limit} 条轴",
    "{count:,} axes": "{count:,} 条轴",
    "at most {limit:,} numbers in a value": "每个值至多 {limit:,} 个数",
    "{count} numbers for one sample": "一个样本有 {count} 个数",
    "{name} of {count} numbers": "{name} 有 {count} 个数",
    "a reduced axis that is not empty (C3)": "不为空的归约轴 (C3)",
}
