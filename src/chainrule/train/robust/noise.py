"""Noise augmentation: the loss on samples with normal noise, new in every step."""

from __future__ import annotations

from chainrule.graph import Node
from chainrule.records import frozen
from chainrule.train.robust.robust_training import Part, RobustStep, RobustTraining, require


@frozen
class NoiseTraining(RobustTraining):
    """Training on inputs with normal noise, which randomized smoothing requires.

    Formula: J = mean of l(x + radius e, y), e standard normal, new in every step.

    Args:
        radius: the standard deviation of the noise, in the units of ``AdversarialTraining``. The noise is not
            clipped to the range of the data, as smoothing requires.
        clean_weight: the weight of the loss on the samples themselves, from 0 to 1; the rest is that of
            the samples with noise.

    Raises:
        UsageError E102: a number out of its range.

    Reference: Cohen, Rosenfeld and Kolter (2019), Certified adversarial robustness via randomized smoothing,
    ICML, section 3.3.
    """

    clean_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "clean_weight", high=1.0)

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        noise = step.space.scaled(step.normal("noise") * self.radius)
        noisy = Part(1.0 - self.clean_weight, step.at(step.x + noise))
        if self.clean_weight == 0:
            return (noisy,), None
        return (noisy, Part(self.clean_weight, step.built)), None
