"""``--epsilon``, ``--delta`` and ``--public`` of ``chainrule train``: checks of the options."""

from __future__ import annotations

from dataclasses import fields

from chainrule.apps.cli.options import PASSED, Options
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.train.private.refusals import private_only

USED = (
    "data", "target", "net", "quick", "epochs", "batch_size", "optimizer", "learning_rate", "seed", "engine",
    "metric", "test", "delimiter", "skip", "encoding", "header", "table", "query",
    "epsilon", "delta", "public", PASSED,
)  # fmt: skip
"""The options that a private training takes; the others read rows without protection, or a part of them."""
EPOCHS, SHARE, LEARNING_RATE = 20, 0.05, 0.01  # unless passed; SHARE of the rows in a batch
EXAMPLES = {"epsilon": "--epsilon 3", "delta": "--delta 1e-5"}


def is_private(options: Options) -> bool:
    """Whether the options ask for a private training.

    Raises:
        UsageError E601: ``--epsilon`` without ``--delta``, or ``--public`` without both. TrainingError E590:
            an option that a private training does not take.
    """
    if not (options.epsilon or options.delta or options.public):
        return False
    for name, example in EXAMPLES.items():
        if not getattr(options, name):
            raise UsageError(
                "E601", where="chainrule train", option=f"--{name}",
                expected=fact("--epsilon and --delta together"), received=fact("none"), fix=example,
            )  # fmt: skip
    defaults = Options(options.data)
    for field in fields(Options):
        name = field.name
        if name not in USED and (getattr(options, name) != getattr(defaults, name) or name in options.passed):
            word = f"--{name.replace('_', '-')}"
            raise TrainingError(
                "E590", where="chainrule train", name=word, expected=fact("options that read no rows"),
                received=word, fix=fact("leave out {names}", names=word),
            )  # fmt: skip
    return True


def refuse_private(options: Options) -> None:
    """Refuse a private training where the rows would be prepared by their statistics.

    Raises:
        TrainingError E591: the training is private.
    """
    if options.epsilon:
        raise private_only("chainrule", "chainrule predict RUN FILE, chainrule evaluate RUN FILE")


def schedule_of(options: Options, rows: int) -> tuple[int, int, float]:
    """Epochs, batch size and learning rate: those that were passed, or defaults for noisy gradients."""
    epochs = options.epochs if options.is_passed("epochs") else EPOCHS
    batch_size = options.batch_size if options.is_passed("batch_size") else max(1, round(SHARE * rows))
    learning_rate = options.learning_rate if options.is_passed("learning_rate") else LEARNING_RATE
    return epochs, min(batch_size, rows), learning_rate
