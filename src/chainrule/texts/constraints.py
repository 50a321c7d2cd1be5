"""Chinese translations of the input constraints of operations and of the reasons for missing gradients.

The cards of the operations hold the English texts, which are the keys. A test checks that the tables are
complete.
"""

from __future__ import annotations

CONSTRAINTS: dict[str, str] = {
    "all inputs have one shape": "所有输入形状相同",
    "all inputs have one dtype, which the operation accepts": "所有输入类型相同，且为该运算接受的类型",
    "the lower limit is not above the upper one": "下限不大于上限",
    "both values have one dtype": "两个值类型相同",
    "the condition is true/false": "条件为真或假",
    "every axis exists and is named once": "每个轴存在且只列一次",
    "the dtype is supported by the operation": "数值类型合适",
    "a reduced axis is not empty": "被归约的轴不为空",
    "one axis of fixed length at a time": "一次一个长度固定的轴",
    "one axis at a time": "一次一个轴",
    "the axis exists": "该轴存在",
    "the axis exists, and its length is known": "该轴存在且长度已知",
    "every tap is an old cell and a number": "每一项由一个原单元和一个数组成",
    "the axis is not empty": "该轴不为空",
    "the numbers are floating-point": "数值为浮点数",
    "the last axis of the left is as long as the last but one of the right":
        "左边的最后一轴与右边的倒数第二轴等长",
    "both have the same number of axes, two at least, and equal leading axes":
        "两者轴数相同（至少两个），且前面的轴相等",
    "both have one floating-point dtype": "两者为同一种浮点类型",
    "every axis of the input is named once": "输入的每个轴恰好列一次",
    "the number of elements stays": "元素个数不变",
    "each axis, aligned at the end, is 1 or as long as in the new shape":
        "从末尾对齐，每个轴为 1 或与新形状等长",
    "one start, stop and step for each axis": "每个轴一组起点、终点和步长",
    "0 <= start <= stop <= length and step >= 1": "0 ≤ 起点 ≤ 终点 ≤ 长度，且步长 ≥ 1",
    "step 1 on an axis of symbolic length": "长度为符号的轴步长为 1",
    "for each axis a count of at least 0 before, after and between": "每个轴前、后、中间的个数都不小于 0",
    "the dtype and all other axes are equal": "数值类型和其余各轴相同",
    "the table has an axis": "表至少有一个轴",
    "the indices are integers": "下标为整数",
    "the values begin with the shape of the indices": "值的形状以下标的形状开头",
    "depth is at least 0 and dtype floating-point": "depth 不小于 0，dtype 为浮点类型",
    "both have the same one to three spatial axes between first and last, all lengths but B known":
        "两者首末轴之间有同样的一到三个空间轴，除 B 外长度已知",
    "for each spatial axis a kernel, stride and dilation >= 1 and padding >= 0":
        "每个空间轴的卷积核、步幅、扩张 ≥ 1，填充 ≥ 0",
    "the padded image is at least as wide as the kernel reaches": "填充后的图像不小于卷积核所及的范围",
    "the groups divide the channels of both sides": "组数整除两边的通道数",
    "the weights are as deep as a group has channels": "卷积核的深度等于一组的通道数",
    "the numbers are those of a convolution over this space": "数值来自在这个空间上的卷积",
    "the numbers are those of a convolution with this kernel": "数值来自用这个卷积核的卷积",
    "an image (B, *space, C) of one to three spatial axes, all lengths but B known":
        "图像 (B, *space, C) 有一到三个空间轴，除 B 外长度已知",
    "for each spatial axis a window, stride and dilation >= 1 and padding >= 0":
        "每个空间轴的窗口、步幅、扩张 ≥ 1，填充 ≥ 0",
    "the padded image is at least as wide as the window reaches": "填充后的图像不小于窗口所及的范围",
    "floating-point numbers": "浮点数",
    "the windows are those of an image of this space": "窗口来自这个空间的图像",
    "the dtype is supported": "支持该数值类型",
    "every axis exists": "每个轴都存在",
    "the key is two uint32, or two for each row": "密钥为两个 uint32，或每行两个",
    "the numbers drawn are floating-point": "抽取的数为浮点数",
    "one input for each state, sequence and given of the step, of its shape and kind":
        "每一步的每个状态、序列和常量各有一个形状与类型相符的输入",
    "all sequences have the same number of cells": "所有序列的格数相同",
    "there is at least one cell": "至少有一格",
}  # fmt: skip

REASONS: dict[str, str] = {
    "the result does not depend on its value": "结果与其数值无关",
    "the sign is constant except at 0": "除 0 外符号处处不变",
    "floor is piecewise constant": "取整函数分段为常数",
    "a comparison is piecewise constant": "比较的结果分段为常数",
    "booleans are not differentiable": "布尔值不可微",
    "a condition is piecewise constant": "条件分段为常数",
    "an index is an integer": "下标是整数，不可微",
    "stop_gradient stops the gradient": "stop_gradient 在此截断梯度",
    "a count does not depend on the values": "计数与数值无关",
    "a key is not differentiable": "密钥不可微",
}


def in_chinese(text: str) -> str:
    """Return the Chinese translation of a constraint or reason, or the text itself if there is none.

    Example:
        >>> in_chinese("the axis exists")
        '该轴存在'
    """
    return CONSTRAINTS.get(text) or REASONS.get(text) or text
