"""``--tracker NAME:PROJECT``: the callback that records a training of the command line in a tracker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from chainrule.errors import UsageError, fact
from chainrule.train.callback import Callback, MLflow, TensorBoard, WandB
from chainrule.train.callback.tracker import require_library
from chainrule.validation import choice

TRACKERS: Mapping[str, Callable[[str], Callback]] = {
    "mlflow": MLflow,
    "wandb": WandB,
    "tensorboard": TensorBoard,
}
EXTRAS = ("mlflow", "wandb")  # that are installed with extras of these names


def tracker_of(text: str | None, data: str) -> list[Callback]:
    """Return the callback that a text names, in a list; an empty list without a text.

    Args:
        text: the name of a tracker; behind a colon the experiment, project or folder, by default the name of
            the data.
        data: the data of the training.

    Raises:
        UsageError: E101 another tracker; E601 nothing behind the colon. DataError E350: it is not installed.

    Example:
        >>> tracker_of("tensorboard:logs", "shop.csv")
        [TensorBoard(log_dir='logs', steps=False, histograms=0, gradients=False)]
    """
    if text is None:
        return []
    name, colon, project = text.partition(":")
    choice(name, TRACKERS, "--tracker", example="mlflow:houses")
    if colon and not project.strip():
        problem = fact("names no project behind the colon")
        raise UsageError(
            "E601", option="--tracker", problem=problem, where="--tracker", fix=f"--tracker {name}:houses"
        )
    if name in EXTRAS:
        require_library(name, name)
    return [TRACKERS[name](project or Path(data.partition("::")[0]).stem or "chainrule")]
