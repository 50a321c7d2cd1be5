"""Activations with a continuous derivative (that of elu jumps if alpha is not 1).

A branch that is not chosen must still be finite, or its gradient would be 0 times infinity: so the inner
``where(x > 0, 0, x)``, which keeps the exponential of a large number from being taken at all.
"""

from __future__ import annotations

from chainrule.nn.activation.definition import Curve, Setting
from chainrule.nn.initializer import HE, Scaled

_LECUN = Scaled(gain=1.0, fan="in", distribution="normal")

CURVES = (
    Curve(
        name="exponential",
        formula="exp(x)",
        says=("Exponential function exp(x).", "求 e 的幂，结果恒为正。"),
        chinese="指数函数",
        keras="exponential",
    ),
    Curve(
        name="sigmoid",
        formula="sigmoid(x)",
        says=("Logistic function 1 / (1 + exp(-x)), with values in (0, 1).", "把任意数压缩到 (0, 1)。"),
        chinese="Sigmoid 函数",
        pytorch="Sigmoid",
        keras="sigmoid",
        reference="Verhulst (1845), the logistic curve; Rumelhart, Hinton and Williams (1986), Learning "
        "representations by back-propagating errors (Nature 323)",
    ),
    Curve(
        name="tanh",
        formula="tanh(x)",
        says=("Hyperbolic tangent, with values in (-1, 1).", "把任意数压缩到 (−1, 1)。"),
        chinese="双曲正切 (tanh)",
        pytorch="Tanh",
        keras="tanh",
        reference="LeCun, Bottou, Orr and Müller (1998), Efficient BackProp",
    ),
    Curve(
        name="elu",
        formula="where(x > 0, x, alpha * (exp(where(x > 0, 0, x)) - 1))",
        says=(
            "Exponential linear unit: x where positive, else alpha * (exp(x) - 1).",
            "负半轴平滑降到 −alpha 的 ReLU。",
        ),
        chinese="指数线性单元 (ELU)",
        settings={"alpha": Setting(1.0)},
        initializer=HE,
        pytorch="ELU",
        keras="elu",
        reference="Clevert, Unterthiner and Hochreiter (2016), Fast and accurate deep network learning by "
        "ELUs (ICLR)",
    ),
    Curve(
        name="celu",
        formula="where(x > 0, x, alpha * (exp(where(x > 0, 0, x) / alpha) - 1))",
        says=(
            "Continuously differentiable exponential linear unit: slope 1 at 0 for every alpha.",
            "对任意 alpha 在 0 处斜率都为 1 的 ELU。",
        ),
        chinese="连续可微指数线性单元 (CELU)",
        settings={"alpha": Setting(1.0, above=0)},
        initializer=HE,
        pytorch="CELU",
        keras="celu",
        reference="Barron (2017), Continuously differentiable exponential linear units",
    ),
    Curve(
        name="selu",
        formula="1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * (exp(where(x > 0, 0, x)) - 1))",
        says=(
            "Scaled exponential linear unit, with the constants that normalize mean and variance.",
            "带两个常数的 ELU，使各层激活值自动趋于均值 0、方差 1。",
        ),
        chinese="缩放指数线性单元 (SELU)",
        initializer=_LECUN,
        pytorch="SELU",
        keras="selu",
        reference="Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks "
        "(NeurIPS); initial weights as LeCun et al. (1998)",
    ),
    Curve(
        name="gelu",
        formula="x * (1 + erf(x / sqrt(2))) / 2",
        says=(
            "Gaussian error linear unit x * P(Z <= x) for a standard normal Z.",
            "数值乘以标准正态随机数小于它的概率。",
        ),
        chinese="高斯误差线性单元 (GELU)",
        initializer=HE,
        pytorch="GELU",
        keras="gelu",
        reference="Hendrycks and Gimpel (2016), Gaussian error linear units",
    ),
    Curve(
        name="gelu_tanh",
        formula="x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x))) / 2",
        says=(
            "Approximation of gelu by tanh, with an error below 0.001.",
            "用 tanh 近似的 GELU，误差在 0.001 以内。",
        ),
        chinese="GELU 的 tanh 近似",
        initializer=HE,
        pytorch='GELU("tanh")',
        keras="gelu(approximate=True)",
        reference="Hendrycks and Gimpel (2016), Gaussian error linear units",
    ),
    Curve(
        name="silu",
        formula="x * sigmoid(x)",
        says=(
            "Sigmoid linear unit x * sigmoid(x), also called Swish.",
            "数值乘以自身的 Sigmoid，又称 Swish。",
        ),
        chinese="SiLU (Swish)",
        initializer=HE,
        pytorch="SiLU",
        keras="silu",
        reference="Elfwing, Uchibe and Doya (2018), Sigmoid-weighted linear units (Neural Networks 107); "
        "Ramachandran, Zoph and Le (2017), Searching for activation functions",
    ),
    Curve(
        name="mish",
        formula="x * tanh(softplus(x))",
        says=("x * tanh(softplus(x)).", "数值乘以 tanh(softplus(x))。"),
        chinese="Mish",
        initializer=HE,
        pytorch="Mish",
        keras="mish",
        reference="Misra (2020), Mish: a self regularized non-monotonic activation function (BMVC)",
    ),
    Curve(
        name="tanh_shrink",
        formula="x - tanh(x)",
        says=("x - tanh(x).", "数值减去它的双曲正切。"),
        chinese="tanh 收缩",
        pytorch="Tanhshrink",
        keras="tanh_shrink",
    ),
    Curve(
        name="softsign",
        formula="x / (1 + abs(x))",
        says=("x / (1 + abs(x)).", "比 tanh 更缓地压缩到 (−1, 1)。"),
        chinese="softsign",
        pytorch="Softsign",
        keras="softsign",
        reference="Turian, Bergstra and Bengio (2009), Quadratic features and deep architectures for "
        "chunking (NAACL)",
    ),
    Curve(
        name="softplus",
        formula="softplus(beta * x) / beta",
        says=(
            "log(1 + exp(beta * x)) / beta, a smooth relu; the larger beta, the sharper the corner.",
            "平滑的 ReLU；beta 越大，拐角越尖。",
        ),
        chinese="softplus",
        settings={"beta": Setting(1.0, above=0)},
        initializer=HE,
        pytorch="Softplus",
        keras="softplus",
        reference="Dugas, Bengio, Bélisle, Nadeau and Garcia (2001), Incorporating second-order functional "
        "knowledge (NeurIPS). PyTorch's threshold, from which on it is x itself, is not needed: nothing "
        "overflows here",
    ),
    Curve(
        name="log_sigmoid",
        formula="-softplus(-x)",
        says=("Logarithm of the sigmoid; does not underflow.", "Sigmoid 的对数，不会下溢。"),
        chinese="对数 Sigmoid",
        pytorch="LogSigmoid",
        keras="log_sigmoid",
    ),
    Curve(
        name="squareplus",
        formula="(x + sqrt(x ^ 2 + b)) / 2",
        says=(
            "(x + sqrt(x ^ 2 + b)) / 2, a smooth relu without an exponential.",
            "不含指数运算的平滑 ReLU。",
        ),
        chinese="squareplus",
        settings={"b": Setting(4.0, above=0)},
        initializer=HE,
        keras="squareplus",
        reference="Barron (2021), Squareplus: a softplus-like algebraic rectifier",
    ),
)
