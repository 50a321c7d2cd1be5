"""What this engine has promised, as numbers that a run can be held against."""

from __future__ import annotations

from dataclasses import dataclass

STEP = {  # net -> how many times as fast as the fastest peer: at least, and aimed at
    "2-3-1": (5.0, 10.0),
    "20-64-64-10": (3.0, 6.0),
    "784-256-128-10": (1.15, 1.4),
    "1024-1024-1024-10": (1.0, 1.2),
    "LeNet-5": (2.5, 4.0),
}
TRAIN = {  # the same for the named networks
    "ResNet-18": (1.0, 1.3),
    "GPT": (1.1, 1.25),
    "AlexNet": (1.0, 1.2),
    "LSTM": (1.5, 3.0),
    "Transformer": (1.1, 1.3),
}
TRAIN_MEMORY = {True: 1.0, False: 0.5}  # of PyTorch's, for nets with batch norm and without
PLANNING = 2.0  # seconds to plan a step of ResNet-50
EPOCH_OVER_PYTORCH = 1.5  # an epoch of fit, against a loop over tensors in memory
EPOCH_OVER_BARE = 1.15  # and at most so many times its own bare steps
ANSWER_OVER_ONNX = 1.0  # inference at batch 1
MEMORY_SHARE = 1 / 3  # of PyTorch's, for a LeNet step at batch 1024
SWEEP_SLACK = 1.3  # time may grow by the ratio of flops times this, from one width to the next
FIRST_STEP = 10.0  # seconds, ever, on a new machine
WARM_STEP = 0.3  # seconds, with compiled code on the disk
TRAIN_COMMAND = 3.0  # seconds of ``chainrule train breast-cancer``, warm


@dataclass(frozen=True)
class Verdict:
    """A promise and what became of it.

    Args:
        what: the promise, in words.
        measured: the number.
        limit: what it may be.
        is_least: whether the number must be at least the limit; else at most.
        aim: a number that is hoped for.
    """

    what: str
    measured: float
    limit: float
    is_least: bool
    aim: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept."""
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit
