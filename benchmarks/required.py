"""Required performance, as numbers to compare a run with."""

from __future__ import annotations

from dataclasses import dataclass

STEP = {  # network -> how many times as fast as the fastest peer: the minimum, and the aim
    "2-3-1": (5.0, 10.0),
    "20-64-64-10": (3.0, 6.0),
    "784-256-128-10": (1.15, 1.4),
    "1024-1024-1024-10": (1.0, 1.2),
    "LeNet-5": (2.5, 4.0),
}
STEP_BFLOAT16 = (1.0, None)  # of every network, with autocast
TRAIN = {  # the same for the named networks
    "ResNet-18": (1.0, 1.3),
    "GPT": (1.1, 1.25),
    "AlexNet": (1.0, 1.2),
    "LSTM": (1.5, 3.0),
    "Transformer": (1.1, 1.3),
}
TRAIN_MEMORY = {True: 1.0, False: 0.5}  # of PyTorch's, for networks with batch norm and without
XLA_OVER_JAX = 1.1  # maximum, a step of the XLA engine as a multiple of hand-written JAX
XLA_SHARDS_OVER_JAX = 1.1  # in eight shards, as on several devices
PLANNING = 2.0  # seconds to plan a step of ResNet-50
EPOCH_OVER_PYTORCH = 1.5  # an epoch of fit, against a loop over tensors in memory
EPOCH_OVER_BARE = 1.15  # maximum, as a multiple of its steps alone
PREDICTION_OVER_ONNX = {"784-256-128-10": 1.2, "LeNet-5": 1.5}  # through model(x), 1 to 256 rows
MEMORY_SHARE = 1 / 3  # of PyTorch's, for a LeNet step at batch 1024
SWEEP_SLACK = 1.3  # time may grow by the ratio of flops times this, from one width to the next
FIRST_STEP = 10.0  # seconds, without compiled code
WARM_STEP = 0.3  # seconds, with compiled code on the disk
TRAIN_COMMAND = 3.0  # seconds of ``chainrule train breast-cancer``, warm


@dataclass(frozen=True)
class Verdict:
    """A requirement and its measured value.

    Args:
        what: the requirement, in words.
        measured: the number.
        limit: the bound.
        is_least: whether the bound is a minimum; otherwise a maximum.
        aim: a number to aim for beyond the bound.
    """

    what: str
    measured: float
    limit: float
    is_least: bool
    aim: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the requirement is met."""
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit
