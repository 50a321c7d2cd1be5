"""Piecewise linear and piecewise quadratic activations.

At a corner each takes the slope PyTorch takes, written into its formula; NaN stays NaN.
"""

from __future__ import annotations

from chainrule.graph import Node
from chainrule.nn.activation.definition import Curve, Setting
from chainrule.nn.initializer import HE, Fill
from chainrule.nn.scope import Scope
from chainrule.ops.functions_by_name import nodes_of

_LEAKY = "where(x > 0, x, slope * x)"


def _trained(x: Node, scope: Scope | None, slope: float, shared: float) -> Node:
    """Return a trained slope, one for all channels or one for each."""
    if scope is None:
        return nodes_of(_LEAKY, {"x": x, "slope": slope}, x)
    length = 1 if shared else x.shape[-1]
    return nodes_of(_LEAKY, {"x": x, "slope": scope.parameter("slope", (length,), Fill(slope))}, x)


def _random(x: Node, scope: Scope | None, lower: float, upper: float) -> Node:
    """Return a slope sampled for each number in training, its mean in inference."""
    slope: Node | float = (lower + upper) / 2.0
    if scope is not None and scope.training:
        slope = scope.uniform("slope", x.shape).astype(x.dtype) * (upper - lower) + lower
    return nodes_of(_LEAKY, {"x": x, "slope": slope}, x)


CURVES = (
    Curve(
        name="linear",
        formula="x",
        says=("Identity: x, unchanged.", "保持每个数不变。"),
        chinese="线性（恒等）",
        pytorch="Identity",
        keras="linear",
    ),
    Curve(
        name="relu",
        formula="relu(x)",
        says=("Rectified linear unit: x where positive, else 0.", "保留正数，其余变为 0。"),
        chinese="修正线性单元 (ReLU)",
        initializer=HE,
        pytorch="ReLU",
        keras="relu",
        reference="Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines "
        "(ICML)",
    ),
    Curve(
        name="relu6",
        formula="where(x <= 0, 0, where(x >= 6, 6, x))",
        says=("relu, limited to 6.", "上限为 6 的 ReLU。"),
        chinese="ReLU6",
        initializer=HE,
        pytorch="ReLU6",
        keras="relu6",
        reference="Krizhevsky (2010), Convolutional deep belief networks on CIFAR-10",
    ),
    Curve(
        name="leaky_relu",
        formula=_LEAKY,
        says=("x where positive, else slope * x.", "让负数以小斜率通过的 ReLU。"),
        chinese="带泄漏的 ReLU",
        settings={"slope": Setting(0.01)},
        initializer=HE,
        pytorch="LeakyReLU",
        keras="leaky_relu",
        reference="Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic "
        "models (ICML). Keras's usual slope is 0.2, PyTorch's 0.01",
    ),
    Curve(
        name="prelu",
        formula=_LEAKY,
        says=(
            "leaky_relu with a trained slope, one per channel (shared=1: one for all channels).",
            "斜率由训练得到的带泄漏 ReLU。",
        ),
        chinese="参数化 ReLU",
        settings={"slope": Setting(0.25), "shared": Setting(0, minimum=0, integer=True)},
        initializer=HE,
        pytorch="PReLU",
        keras="PReLU",
        reference="He, Zhang, Ren and Sun (2015), Delving deep into rectifiers (ICCV). Here each channel has "
        "a slope, with shared=1 all have one, as by default in PyTorch",
        build=_trained,
        scoped=True,
    ),
    Curve(
        name="rrelu",
        formula=_LEAKY,
        says=(
            "leaky_relu with a slope sampled for each number in training, and its mean in inference.",
            "训练时斜率随机、推断时取平均斜率的带泄漏 ReLU。",
        ),
        chinese="随机 ReLU",
        settings={"lower": Setting(1 / 8), "upper": Setting(1 / 3, over="lower")},
        initializer=HE,
        pytorch="RReLU",
        reference="Xu, Wang, Chen and Li (2015), Empirical evaluation of rectified activations in "
        "convolutional network",
        build=_random,
        scoped=True,
    ),
    Curve(
        name="threshold",
        formula="where(x <= threshold, value, x)",
        says=("x where above threshold, else value.", "不超过阈值的数换成给定值。"),
        chinese="阈值函数",
        settings={"threshold": Setting(1.0), "value": Setting(0.0)},
        initializer=HE,
        pytorch="Threshold",
        keras="threshold",
    ),
    Curve(
        name="hard_tanh",
        formula="where(x <= low, low, where(x >= high, high, x))",
        says=("x, limited to the interval from low to high.", "把数值截断在两个界限之间。"),
        chinese="分段线性双曲正切",
        settings={"low": Setting(-1.0), "high": Setting(1.0, over="low")},
        pytorch="Hardtanh",
        keras="hard_tanh",
        reference="Collobert (2004), Large scale machine learning",
    ),
    Curve(
        name="hard_sigmoid",
        formula="where(x <= -3, 0, where(x >= 3, 1, x / 6 + 0.5))",
        says=("Piecewise linear sigmoid x / 6 + 0.5, limited to [0, 1].", "由三段直线构成的 Sigmoid。"),
        chinese="分段线性 Sigmoid",
        pytorch="Hardsigmoid",
        keras="hard_sigmoid",
        reference="Courbariaux, Bengio and David (2015), BinaryConnect (NeurIPS)",
    ),
    Curve(
        name="hard_silu",
        formula="where(x <= -3, 0, where(x >= 3, x, x * (x / 6 + 0.5)))",
        says=("Piecewise approximation of silu: x * hard_sigmoid(x).", "用分段线性 Sigmoid 近似的 SiLU。"),
        chinese="分段 SiLU (Hard-Swish)",
        initializer=HE,
        pytorch="Hardswish",
        keras="hard_silu",
        reference="Howard et al. (2019), Searching for MobileNetV3 (ICCV)",
    ),
    Curve(
        name="hard_shrink",
        formula="where(abs(x) <= width, 0, x)",
        says=("0 where abs(x) <= width, else x.", "把绝对值小的数变为 0，其余保留。"),
        chinese="硬收缩",
        settings={"width": Setting(0.5, minimum=0)},
        pytorch="Hardshrink",
        keras="hard_shrink",
        reference="Donoho and Johnstone (1994), Ideal spatial adaptation by wavelet shrinkage "
        "(Biometrika 81)",
    ),
    Curve(
        name="soft_shrink",
        formula="where(abs(x) <= width, 0, x - width * sign(x))",
        says=("x moved towards 0 by width; 0 where abs(x) <= width.", "把每个数向 0 收缩固定的宽度。"),
        chinese="软收缩",
        settings={"width": Setting(0.5, minimum=0)},
        pytorch="Softshrink",
        keras="soft_shrink",
        reference="Donoho (1995), De-noising by soft-thresholding (IEEE Trans. Information Theory 41)",
    ),
    Curve(
        name="sparse_plus",
        formula="where(x <= -1, 0, where(x >= 1, x, (x + 1) ^ 2 / 4))",
        says=("relu with a parabola between -1 and 1.", "用抛物线替换拐角的 ReLU。"),
        chinese="稀疏 softplus",
        initializer=HE,
        keras="sparse_plus",
        reference="the one-class form of Martins and Astudillo (2016), From softmax to sparsemax (ICML)",
    ),
    Curve(
        name="sparse_sigmoid",
        formula="where(x <= -1, 0, where(x >= 1, 1, (x + 1) / 2))",
        says=(
            "(x + 1) / 2, limited to [0, 1]: the derivative of sparse_plus.",
            "sparse_plus 的导数：从 0 直线升到 1。",
        ),
        chinese="稀疏 Sigmoid",
        keras="sparse_sigmoid",
        reference="the two-class form of Martins and Astudillo (2016), From softmax to sparsemax (ICML)",
    ),
)
