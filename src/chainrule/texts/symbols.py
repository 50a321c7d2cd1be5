"""Nouns for the symbols of an explanation, used where formulas are read out: (English, Chinese) by letter."""

from __future__ import annotations

NOUNS: dict[str, tuple[str, str]] = {
    "delta": ("the error signal", "误差信号"),
    "w": ("the weight", "权重"),
    "b": ("the bias", "偏置"),
    "x": ("the input", "输入"),
    "z": ("the weighted sum", "加权和"),
    "s": ("the score", "得分"),
    "a": ("the activation", "激活值"),
    "h": ("the hidden value", "隐藏变量"),
    "recurrent": ("the recurrent weight", "循环权重"),
    "omega": ("the sample weight", "样本权重"),
    "y": ("the target", "期望输出"),
    "y_hat": ("the output", "输出"),
    "J": ("the loss", "损失"),
    "eta": ("the learning rate", "学习率"),
    "g_hat": ("the clipped gradient", "裁剪后的梯度"),
}
IN_TIME: dict[str, tuple[str, str]] = {
    "c": ("the cell state", "记忆元"),
    "i": ("the input gate", "输入门"),
    "f": ("the forget gate", "遗忘门"),
    "o": ("the output gate", "输出门"),
    "r": ("the reset gate", "重置门"),
    "u": ("the update gate", "更新门"),
    "m": ("the candidate value", "候选值"),
}
"""Nouns for the additional symbols of recurrent layers."""
ERROR = ("the error ({formula})", "误差（{formula}）")
DERIVATIVE = ("the derivative of the {function} at {at}", "{function}在 {at} 处的导数")
DERIVATIVE_OF_VALUE = (
    "the derivative of the {function} where its value is {value}",
    "{function}在取值为 {value} 处的导数",
)
READ_OUT = ("{left} equals {right}", "{left}等于{right}")
BECOMES = ("{left} becomes {right}", "{left}变为{right}")
