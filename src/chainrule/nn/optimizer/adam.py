"""Adam and its variants: running means of the gradient and of its square, with bias correction."""

from __future__ import annotations

from dataclasses import KW_ONLY, field

from chainrule.graph import Node
from chainrule.nn.optimizer.optimizer import Moved, Nodes, Rule, Slot, StepContext, bias_correction, running
from chainrule.nn.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require_number


@frozen
class AdaptiveMoments(Rule):
    """Base class of the variants: settings, and running means of the gradient and its square."""

    learning_rate: float | Schedule = 0.001
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def check(self) -> None:
        require_number(self, "beta1", minimum=0, below=1)
        require_number(self, "beta2", minimum=0, below=1)
        require_number(self, "epsilon", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"mean": Slot(shape), "square": Slot(shape)}

    def step(self, mean: Node, square: Node, context: StepContext) -> Node:
        """Return rate m' / (sqrt(s') + epsilon).

        Args:
            mean: m', the mean of the gradients, bias-corrected.
            square: s', the mean of their squares, bias-corrected.
            context: the learning rate and the step.
        """
        warm = F.sqrt(bias_correction(self.beta2, context.count, mean.dtype))
        step_size = context.learning_rate / bias_correction(self.beta1, context.count, mean.dtype)
        return step_size * (mean / (F.sqrt(square) / warm + self.epsilon))


@frozen
class Adam(AdaptiveMoments):
    """Adam: running means of the gradient and its square, with bias correction.

    Formula: m <- b1 m + (1 - b1) g; s <- b2 s + (1 - b2) g^2; w <- w - learning_rate m' / (sqrt(s') +
    epsilon), with m' = m / (1 - b1^t) and s' = s / (1 - b2^t) at update t. With amsgrad the largest s so far
    stands for s.

    Args:
        learning_rate: the learning rate; about how far a parameter moves in a step.
        beta1, beta2: b1 and b2, 0 <= b < 1: the decay rates of the means.
        epsilon: above 0; prevents division by 0.
        amsgrad: whether the divisor never decreases (AMSGrad).
        weight_decay: decoupled; with it Adam is ``AdamW``. Added to the gradient, as in PyTorch's ``Adam``,
            it would be divided like the gradient, and large gradients would be decayed least.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Kingma and Ba (2015), Adam: a method for stochastic optimization (ICLR); Reddi, Kale and Kumar
    (2018), On the convergence of Adam and beyond (ICLR). The same steps as PyTorch's ``Adam``.
    """

    chinese = ("Adam 算法", "动量加上每个参数自己的步长，几乎处处可用。")
    name = "adam"
    _: KW_ONLY
    amsgrad: bool = False

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {**super().slots(shape), **({"largest": Slot(shape)} if self.amsgrad else {})}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        square = running(slots["square"], F.square(g), self.beta2)
        new = {"mean": mean, "square": square}
        if self.amsgrad:
            square = new["largest"] = F.maximum(slots["largest"], square)
        return self.shrunk(p, context) - self.step(mean, square, context), new


@frozen
class AdamW(Adam):
    """AdamW: Adam with decoupled weight decay.

    Formula: w <- w (1 - learning_rate weight_decay), then a step of Adam.

    Args:
        learning_rate, beta1, beta2, epsilon, amsgrad: as in ``Adam``.
        weight_decay: at least 0; a weight without gradient loses rate times decay of itself at a step.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Loshchilov and Hutter (2019), Decoupled weight decay regularization (ICLR). The same steps as
    PyTorch's ``AdamW``.
    """

    chinese = ("AdamW", "权重衰减与梯度分开的 Adam。")
    name = "adamw"
    weight_decay: float = field(default=0.01, kw_only=True)


@frozen
class Adamax(AdaptiveMoments):
    """Adamax: Adam with a decaying maximum of gradients instead of the root mean square.

    Formula: m <- b1 m + (1 - b1) g; u <- max(b2 u, |g| + epsilon); w <- w - learning_rate m / (1 - b1^t) / u.

    Args:
        learning_rate, beta1, beta2, epsilon: as in ``Adam``.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Kingma and Ba (2015), Adam: a method for stochastic optimization (ICLR), section 7.1. The same
    steps as PyTorch's ``Adamax``.
    """

    chinese = ("Adamax", "用慢慢遗忘的最大梯度代替均方根的 Adam。")
    name = "adamax"
    learning_rate: float | Schedule = 0.002

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"mean": Slot(shape), "largest": Slot(shape)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        largest = F.maximum(slots["largest"] * self.beta2, F.abs(g) + self.epsilon)
        step = context.learning_rate / bias_correction(self.beta1, context.count, p.dtype)
        return self.shrunk(p, context) - step * (mean / largest), {"mean": mean, "largest": largest}


@frozen
class NAdam(AdaptiveMoments):
    """NAdam: Adam with Nesterov momentum.

    Formula: u_t = b1 (1 - 0.96^(t momentum_decay) / 2), U_t = u_1 u_2 ... u_t; m, s as in Adam; then
    w <- w - learning_rate ((1 - u_t) g / (1 - U_t) + u_(t+1) m / (1 - U_(t+1))) / (sqrt(s') + epsilon).

    Args:
        learning_rate, beta1, beta2, epsilon: as in ``Adam``.
        momentum_decay: at least 0: how fast the momentum grows to b1.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Dozat (2016), Incorporating Nesterov momentum into Adam (ICLR workshop). The same steps as
    PyTorch's ``NAdam`` with ``momentum_decay=warming`` and ``decoupled_weight_decay=True``.
    """

    chinese = ("NAdam", "像 Nesterov 那样沿动量向前看的 Adam。")
    name = "nadam"
    learning_rate: float | Schedule = 0.002
    _: KW_ONLY
    momentum_decay: float = 0.004

    def check(self) -> None:
        super().check()
        require_number(self, "momentum_decay", minimum=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {**super().slots(shape), "product": Slot((), 1.0)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        square = running(slots["square"], F.square(g), self.beta2)
        spread = F.sqrt(square / bias_correction(self.beta2, context.count, p.dtype)) + self.epsilon
        mixed, following = (
            self._momentum(context.count, p.dtype),
            self._momentum(context.count + 1.0, p.dtype),
        )
        product = slots["product"] * mixed
        ahead = g * ((1.0 - mixed) / (1.0 - product)) + mean * (following / (1.0 - product * following))
        new = {"mean": mean, "square": square, "product": product}
        return self.shrunk(p, context) - context.learning_rate * (ahead / spread), new

    def _momentum(self, count: Node, dtype: str) -> Node:
        grown = F.power(0.96, count.astype("float64") * self.momentum_decay)
        return ((1.0 - grown * 0.5) * self.beta1).astype(dtype)


@frozen
class RAdam(AdaptiveMoments):
    """RAdam: Adam that does not divide by the root mean square until its estimate is reliable.

    Formula: R = 2 / (1 - b2) - 1; r = R - 2 t b2^t / (1 - b2^t);
    q = sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r));
    w <- w - learning_rate m' q sqrt(1 - b2^t) / (sqrt(s) + epsilon) where r > 5, else w - learning_rate m'.

    Args:
        learning_rate, beta1, beta2, epsilon: as in ``Adam``.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Liu et al. (2020), On the variance of the adaptive learning rate and beyond (ICLR). The same
    steps as PyTorch's ``RAdam`` with ``decoupled_weight_decay=True``.
    """

    chinese = ("RAdam", "在知道梯度的通常大小之前不做除法的 Adam。")
    name = "radam"

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        square = running(slots["square"], F.square(g), self.beta2)
        factor, known = self._trust(context.count.astype("float64"))
        divided = mean * factor.astype(p.dtype) / (F.sqrt(square) + self.epsilon)
        step = context.learning_rate / bias_correction(self.beta1, context.count, p.dtype)
        moved = self.shrunk(p, context) - step * F.where(known, divided, mean)
        return moved, {"mean": mean, "square": square}

    def _trust(self, t: Node) -> tuple[Node, Node]:
        """Return q sqrt(1 - b2^t), and whether enough gradients were seen for it; float64, shape ()."""
        limit = 2.0 / (1.0 - self.beta2) - 1.0
        forgot = F.power(self.beta2, t)
        seen = limit - t * forgot * 2.0 / (1.0 - forgot)
        above = F.relu((seen - 4.0) * (seen - 2.0)) * limit
        below = F.maximum(seen, 1.0) * ((limit - 4.0) * (limit - 2.0))
        return F.sqrt(above / below * (1.0 - forgot)), F.greater(seen, 5.0)


@frozen
class AdaBelief(AdaptiveMoments):
    """AdaBelief: Adam that divides by the deviation of the gradient from its running mean.

    Formula: m as in Adam; s <- b2 s + (1 - b2) (g - m)^2 + epsilon; w <- w - learning_rate m' / (sqrt(s') +
    epsilon).

    Args:
        learning_rate, beta1, beta2: as in ``Adam``.
        epsilon: above 0; keeps s away from 0.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Zhuang et al. (2020), AdaBelief optimizer: adapting stepsizes by the belief in observed
    gradients (NeurIPS), algorithm 2.
    """

    chinese = ("AdaBelief", "除以梯度与预期之差：稳定处走大步。")
    name = "adabelief"
    _: KW_ONLY
    epsilon: float = 1e-16

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean = running(slots["mean"], g, self.beta1)
        square = running(slots["square"], F.square(g - mean), self.beta2) + self.epsilon
        moved = self.shrunk(p, context) - self.step(mean, square, context)
        return moved, {"mean": mean, "square": square}


@frozen
class Yogi(AdaptiveMoments):
    """Yogi: Adam whose mean square changes additively, so that it decreases slowly when gradients become
    small.

    Formula: m as in Adam; s <- s - (1 - b2) sign(s - g^2) g^2; w <- w - learning_rate m' / (sqrt(s') +
    epsilon).

    Args:
        learning_rate, beta1, beta2: as in ``Adam``.
        epsilon: above 0; larger than in ``Adam``, as its authors advise.
        initial_accumulator_value: the initial value of s, at least 0.
        weight_decay: decoupled.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Zaheer, Reddi, Sachan, Kale and Kumar (2018), Adaptive methods for nonconvex optimization
    (NeurIPS), algorithm 2, with Adam's m' and s' as in TensorFlow Addons.
    """

    chinese = ("Yogi", "平方用加法更新、不会突然下降的 Adam。")
    name = "yogi"
    learning_rate: float | Schedule = 0.01
    _: KW_ONLY
    epsilon: float = 1e-3
    initial_accumulator_value: float = 1e-6

    def check(self) -> None:
        super().check()
        require_number(self, "initial_accumulator_value", minimum=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {"mean": Slot(shape), "square": Slot(shape, self.initial_accumulator_value)}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        mean, fresh = running(slots["mean"], g, self.beta1), F.square(g)
        square = slots["square"] - F.sign(slots["square"] - fresh) * fresh * (1.0 - self.beta2)
        moved = self.shrunk(p, context) - self.step(mean, square, context)
        return moved, {"mean": mean, "square": square}


@frozen
class Adan(Rule):
    """Adan: Adam with Nesterov momentum from the difference of successive gradients.

    Formula: d = g - h with h the gradient before, 0 at first; m <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) d;
    s <- b3 s + (1 - b3) (g + b2 d)^2; w <- (w - learning_rate (m' + b2 v') / (sqrt(s') + epsilon)) / (1 +
    learning_rate weight_decay).

    Args:
        learning_rate: the learning rate.
        beta1, beta2, beta3: b1 to b3, 0 <= b < 1: how much is kept; the paper's betas are 1 - b.
        epsilon: above 0.
        weight_decay: at least 0; decoupled, by division.

    Raises:
        UsageError E102: a setting out of its range.

    Reference: Xie, Zhou, Li, Lin and Yan (2024), Adan: adaptive Nesterov momentum algorithm for faster
    optimizing deep models (TPAMI), algorithm 1, with m', v', s' corrected for their start at 0.
    """

    chinese = ("Adan", "由梯度的变化向前看的 Adam。")
    name = "adan"
    learning_rate: float | Schedule = 0.001
    _: KW_ONLY
    beta1: float = 0.98
    beta2: float = 0.92
    beta3: float = 0.99
    epsilon: float = 1e-8

    def check(self) -> None:
        for name in ("beta1", "beta2", "beta3"):
            require_number(self, name, minimum=0, below=1)
        require_number(self, "epsilon", above=0)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        return {name: Slot(shape) for name in ("mean", "change", "square", "gradient")}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        before = F.where(F.equal(context.count, 1.0), g, slots["gradient"])
        d = g - before
        mean = running(slots["mean"], g, self.beta1)
        change = running(slots["change"], d, self.beta2)
        square = running(slots["square"], F.square(g + d * self.beta2), self.beta3)
        warm = [bias_correction(b, context.count, p.dtype) for b in (self.beta1, self.beta2, self.beta3)]
        spread = F.sqrt(square) / F.sqrt(warm[2]) + self.epsilon
        ahead = mean / warm[0] + change / warm[1] * self.beta2
        moved = p - context.learning_rate * (ahead / spread)
        if self.weight_decay:
            moved = moved / (1.0 + context.learning_rate * self.weight_decay)
        return moved, {"mean": mean, "change": change, "square": square, "gradient": g}
