"""What the arguments of activations, initializers, metrics, augmentations and limits mean, in Chinese."""

from __future__ import annotations

ACTIVATIONS: dict[str, str] = {
    "axis": "沿哪个轴计算，一个整数。",
    "celu.alpha": "负数一侧的系数，大于 0。",
    "elu.alpha": "负数一侧的系数。",
    "hard_shrink.width": "变为 0 的区间的半宽，不小于 0。",
    "soft_shrink.width": "变为 0 的区间的半宽，不小于 0。",
    "hard_tanh.high": "上限，不小于 low。",
    "hard_tanh.low": "下限。",
    "leaky_relu.slope": "负数一侧的斜率。",
    "prelu.shared": "末尾几个轴之前的轴共用一个斜率：不小于 0 的整数。",
    "prelu.slope": "负数一侧斜率的初始值。",
    "rrelu.lower": "负数一侧斜率的下限。",
    "rrelu.upper": "负数一侧斜率的上限，不小于 lower。",
    "softplus.beta": "陡峭程度，大于 0。",
    "squareplus.b": "0 附近弯曲的程度，大于 0。",
    "threshold.threshold": "阈值。",
    "threshold.value": "不超过阈值的数所换成的数。",
}

INITIALIZERS: dict[str, str] = {
    "distribution": '"uniform"、"normal" 或 "truncated"（在两个标准差处截断的正态分布）。',
    "fan": '"in"、"out" 或 "mean"：前向传播、反向传播中一个单元处汇合多少个信号，或两者的平均。',
    "gain": "方差乘以扇入数；1 使线性信号大小不变，2 补偿 relu 截去的部分。",
    "dirac.groups": "输出分成几组，每组各得全部输入。",
    "eye.gain": "对角线上的数。",
    "orthogonal.gain": "各行的长度，大于 0。",
    "std": "标准差，不小于 0。",
    "normal.mean": "均值。",
    "sparse.sparsity": "每列中为 0 的比例，0 ≤ sparsity ≤ 1，向上取整。",
    "sparse.std": "其余各数的标准差，不小于 0。",
    "truncated_normal.cut": "保留离中间几个标准差以内的数，至少 0.5。",
    "truncated_normal.mean": "正态分布的均值。",
    "truncated_normal.std": "截断之前的标准差，不小于 0。",
    "uniform.high": "上限（取不到）；low < high。",
    "uniform.low": "下限（可取到）；low < high。",
    "value": "填入的数。",
}

METRICS: dict[str, str] = {
    "beta": "召回率相对于精确率的权重，不小于 0。",
    "iou.class": "类别的编号，不小于 0。",
    "precision_at_recall.recall": "要求的召回率，不小于 0。",
    "quantile_loss.alpha": "分位数，不小于 0。",
    "recall_at_precision.precision": "要求的精确率，不小于 0。",
    "precision_at_top.share": "得分最高的行所占的比例，大于 0，不大于 1。",
    "sensitivity_at_specificity.specificity": "要求的特异度，不小于 0。",
    "specificity_at_sensitivity.sensitivity": "要求的灵敏度，不小于 0。",
    "top_k_accuracy.k": "取得分最高的几个类别，至少 1。",
}

_FACTOR = "系数与 1 的最大偏差 d；系数在 max(0, 1 - d) 与 1 + d 之间均匀分布。"
AUGMENTATIONS: dict[str, str] = {
    "p": "图像被变换的概率。",
    "fill": "图像之外的值。",
    "Affine.degrees": "向两个方向旋转的最大角度。",
    "Affine.scale": "最小与最大缩放倍数。",
    "Affine.shear": "向两个方向错切的最大角度（度）。",
    "Affine.shift": "向两个方向平移的最大距离，占高和宽的比例。",
    "AugMix.chains": "变换链的条数，1 到 10。",
    "AugMix.magnitude": "各变换的强度，0 到 30。",
    "Blur.sigma": "最小与最大标准差（像素），大于 0。",
    "Color.brightness": _FACTOR,
    "Color.contrast": _FACTOR,
    "Color.hue": "色轮向两个方向的最大转动（圈），至多 0.5。",
    "Color.saturation": _FACTOR,
    "Crop.fill": "填充的值。",
    "Crop.padding": "每边填充的宽度（像素）。",
    "CutMix.alpha": "s 的分布的集中程度，大于 0；1 为均匀分布。",
    "Elastic.points": "每边的网格点数，2 到 32。",
    "Elastic.strength": "网格点的最大位移，占边长的比例，至多 0.5。",
    "EqualizeTiles.limit": "每级灰度的最大计数，平均计数的倍数，1（几乎不变）到 100。",
    "EqualizeTiles.tiles": "每边的块数，1 到 64；每个像素至多一块。",
    "Erase.area": "矩形的最小与最大面积，占图像的比例。",
    "Erase.fill": "矩形的值。",
    "Erase.ratio": "矩形的最小与最大高宽比。",
    "Flip.horizontal": "左右翻转的概率。",
    "Flip.vertical": "上下翻转的概率。",
    "Mixup.alpha": "混合比例的分布的集中程度，大于 0；越大混合得越多。",
    "Perspective.distortion": "角点的最大位移，占边长的比例，至多 0.45。",
    "Posterize.bits": "保留的位数，4 到 8。",
    "RandAugment.magnitude": "各变换的强度，0 到 30。",
    "RandAugment.operations": "每幅图像的变换个数，1 到 20。",
    "ResizedCrop.area": "裁剪区域的最小与最大面积，占图像的比例。",
    "ResizedCrop.ratio": "裁剪区域的最小与最大宽高比，相对于图像的宽高比。",
    "Rotate.degrees": "向两个方向旋转的最大角度。",
    "Sharpness.amount": (
        "系数与 1（不变）的最大偏差；系数在 max(0, 1 - amount)（平滑）与 1 + amount（锐化）之间均匀分布。"
    ),
    "Solarize.threshold": "高于此值的像素被反转，0 到 1。",
}

PENALTIES: dict[str, str] = {
    "strength": "求和之前的系数，不小于 0。",
    "L1L2.l1_ratio": "L1 所占的比例，0 ≤ l1_ratio ≤ 1。",
}

CONSTRAINTS: dict[str, str] = {
    "MaxNorm.max_value": "最大长度，大于 0。",
    "MinMaxNorm.max_value": "上限，大于 0；0 ≤ min_value ≤ max_value。",
    "MinMaxNorm.min_value": "下限；0 ≤ min_value ≤ max_value。",
    "MinMaxNorm.rate": "0 < rate ≤ 1；为 1 时每步之后都严格满足界限。",
}

CLIPS: dict[str, str] = {
    "limit": "不被改变的最大值，大于 0。",
}
