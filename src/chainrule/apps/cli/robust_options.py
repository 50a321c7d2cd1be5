"""``--robust`` and ``--radius`` of ``chainrule train``: training against changes of the inputs."""

from __future__ import annotations

import math

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.radius import radius_of
from chainrule.data import PreparedData
from chainrule.errors import UsageError, fact
from chainrule.train.robust import (
    TRADES,
    AdversarialTraining,
    IntervalTraining,
    NoiseTraining,
    RobustTraining,
)

NEEDS_CLASSES = ("trades", "interval")
WARMUP, RAMP = 0.05, 0.5  # shares of all steps of interval training


def robust_of(options: Options, prepared: PreparedData) -> RobustTraining | None:
    """The robust training of the options; ``None`` without ``--robust``.

    Raises:
        UsageError E102: a training that needs classes for a regression; a radius beyond the range of pixels.
    """
    if not options.robust:
        return None
    if options.robust in NEEDS_CLASSES and not prepared.task.is_classification:
        raise UsageError(
            "E102", where="--robust", name=options.robust, expected=fact("classes"),
            received=prepared.task.kind, fix="--robust adversarial",
        )  # fmt: skip
    radius = radius_of(options.radius, "chainrule train")
    if has_pixels(prepared) and radius > 1:
        raise UsageError(
            "E102", where="--radius", name="--radius", received=options.radius,
            expected=fact("pixels from 0 to 1, or N/255"),
            fix=f"--radius {options.radius}/255" if radius <= 255 else "--radius 8/255",
        )  # fmt: skip
    if options.robust == "interval":
        steps = options.epochs * math.ceil(len(prepared.training.y) / options.batch_size)
        return IntervalTraining(radius, warmup=int(WARMUP * steps), ramp=max(int(RAMP * steps), 1))
    kinds = {"adversarial": AdversarialTraining, "trades": TRADES, "noise": NoiseTraining}
    return kinds[options.robust](radius)


def has_pixels(prepared: PreparedData) -> bool:
    """Whether the inputs are images, whose radius is in pixels from 0 to 1."""
    return len(prepared.preparation.shape) > 1


def patience_of(options: Options) -> int:
    """Epochs without improvement before early stopping; 0 disables it.

    The loss of interval training rises with the radius, so the epoch of the smallest loss is one of a small
    radius; early stopping would return to it.
    """
    return 0 if options.robust == "interval" else options.patience
