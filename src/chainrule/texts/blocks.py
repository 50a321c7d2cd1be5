"""Chinese names and summaries of the operations that are composed of others.

Every other building block defines its texts beside its code.
"""

from __future__ import annotations

DERIVED: dict[str, tuple[str, str]] = {
    "mean": ("平均值", "沿轴求和再除以个数。"),
    "variance": ("方差", "与平均值之差的平方的平均。"),
    "stack": ("堆叠", "沿新的轴并排。"),
    "max_pool": ("最大汇聚", "每个窗口的最大值。"),
    "average_pool": ("平均汇聚", "每个窗口的平均值。"),
    "convolution_transpose": ("转置卷积", "用卷积核把每个数展开到更大的图像上：卷积的反方向。"),
}
