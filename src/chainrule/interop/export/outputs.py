"""The outputs of a network for one row, and what a model makes of them: labels, probabilities, values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.interop.export.loop_program import LoopProgram
from chainrule.interop.export.served_predictions import served_predictions
from chainrule.records import frozen

if TYPE_CHECKING:
    from chainrule.graph import Node
    from chainrule.train.model_state import ModelState


@frozen(eq=False)
class Output:
    """One output of a network.

    Args:
        name: of the target.
        is_only: whether the network has no other.
        value: the memory of the value of the network.
        size: the number of its elements.
        dtype: of the output.
        has_label: whether there are labels and probabilities, not values.
        is_classes: whether each position has one class.
        is_pair: whether two classes have one score, the probability of the second.
        labels: the classes.
        scores: the number of scores of a position.
        labeled: the number of positions, each with a label.
        restore: mean and standard deviation of the target, if the network computes standardized values.
    """

    name: str
    is_only: bool
    value: str
    size: int
    dtype: str
    has_label: bool
    is_classes: bool
    is_pair: bool
    labels: Sequence[Any]
    scores: int
    labeled: int
    restore: tuple[float, float] | None

    @property
    def prefix(self) -> str:
        """What precedes the names of its labels and values."""
        return "" if self.is_only else f"{self.name}."

    @property
    def key(self) -> str:
        """The name of its probabilities or values."""
        return f"{self.prefix}{'probabilities' if self.has_label else 'value'}"

    @property
    def classes(self) -> int:
        """The number of classes of a position, 1 without."""
        return len(self.labels) if self.is_classes else 1

    @property
    def count(self) -> int:
        """The number of probabilities or values."""
        return self.labeled * self.classes

    def expected(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probabilities or values of the example rows."""
        return np.asarray(outputs[self.key], self.dtype)


def outputs_of_network(model: ModelState, program: LoopProgram) -> list[Output]:
    """Write the statements of all outputs of a network; return the outputs."""
    assert model.network is not None
    predicted = {key.partition(".")[2]: node for key, node in served_predictions(model).items()}
    program.write(predicted.values())
    return [_output(model, program, key, node, len(predicted) == 1) for key, node in predicted.items()]


def _output(model: ModelState, program: LoopProgram, name: str, node: Node, is_only: bool) -> Output:
    target, shape = model.targets[name], program.shape(node)
    is_pair = target.is_classes and target.max_classes != target.scores
    scores = 1 if is_pair else (shape[-1] if shape else 1)
    is_restored = model.preparation is not None and model.preparation.task == "regression"
    return Output(
        name,
        is_only,
        program.value(node),
        math.prod(shape),
        "float64" if is_restored else node.dtype,
        target.loss.task == "classification",
        target.is_classes,
        is_pair,
        list(target.labels or range(target.max_classes)) if target.is_classes else [],
        scores,
        math.prod(shape) // (scores if target.is_classes else 1),
        (model.preparation.target_mean, model.preparation.target_std)
        if model.preparation is not None and is_restored
        else None,
    )


def printed_outputs(outputs: Sequence[Output], words: Iterable[str], rows: int) -> dict[str, np.ndarray]:
    """Return the outputs by name that a program prints: for each row the labels' indices and the values.

    Args:
        outputs: of the network.
        words: the printed numbers.
        rows: the number of rows.
    """
    parts: dict[str, list[Any]] = {}
    numbers = iter(words)
    for _ in range(rows):
        for output in outputs:
            if output.has_label:
                places = [int(next(numbers)) for _ in range(output.labeled)]
                labels = [output.labels[place] for place in places] if output.labels else places
                parts.setdefault(f"{output.prefix}label", []).append(labels)
            parts.setdefault(output.key, []).append([float(next(numbers)) for _ in range(output.count)])
    return {key: np.array(values) for key, values in parts.items()}
