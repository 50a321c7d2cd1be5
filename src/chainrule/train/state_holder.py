"""An object that holds a model's state: what ``chainrule.Model`` is built on.

The packages between ``train`` and ``chainrule.Model`` take a ``StateHolder`` where users hand them a model,
and a ``ModelState`` everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from chainrule.plan.memory_requirement import MemoryRequirement
from chainrule.train.evaluation import evaluate
from chainrule.train.inputs.target import Target
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.memory import memory_of
from chainrule.train.monitor.probe import Probe
from chainrule.train.network import Network, Recipe
from chainrule.train.state import Row, Tensors

if TYPE_CHECKING:
    from chainrule.data import Preparation, Tokenizer


class StateHolder:
    """Holds one ``ModelState`` and shows its parts.

    Args:
        state: the first state.
    """

    def __init__(self, state: ModelState) -> None:
        self._state = state

    @classmethod
    def of(cls, state: ModelState) -> Self:
        """The object of this class that holds a state."""
        holder = cls.__new__(cls)
        StateHolder.__init__(holder, state)
        return holder

    @property
    def state(self) -> ModelState:
        """Everything of the model as one immutable value."""
        return self._state

    def adopt(self, state: ModelState) -> None:
        """Hold another state."""
        self._state = state

    @property
    def recipe(self) -> Recipe:
        """Net, loss, optimizer, penalty, clipping, dtype and frozen paths."""
        return self._state.recipe

    @property
    def network(self) -> Network | None:
        """The graphs; ``None`` until the shapes of the inputs are known."""
        return self._state.network

    @property
    def targets(self) -> Mapping[str, Target]:
        """What each output predicts, by name."""
        return self._state.targets

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes in the order of their numbers; empty for regression."""
        return self._state.labels

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return self._state.task

    @property
    def preparation(self) -> Preparation | None:
        """How the table of the training became arrays."""
        return self._state.preparation

    @property
    def tokenizers(self) -> Mapping[str, Tokenizer]:
        """The tokenizers of texts, by input; ``""`` is the one for all."""
        return self._state.tokenizers

    @property
    def history(self) -> list[Row]:
        """A row of numbers for each epoch of the last training."""
        return self._state.history

    @property
    def probes(self) -> list[Probe]:
        """Samples of the network's inner values during the last training."""
        return self._state.probes

    @property
    def facts(self) -> Mapping[str, Any]:
        """Counts and settings of the last training."""
        return self._state.facts

    def parameters(self) -> Tensors:
        """Copies of the parameters by path, such as ``"dense1.weight"``."""
        return {path: value.copy() for path, value in self._state.parameters.items()}

    def states(self) -> Tensors:
        """Copies of the layers' running values, by path."""
        return {path: value.copy() for path, value in self._state.states.items()}

    def summary(self) -> str:
        """The network as a table: each layer with its output's shape and its parameters."""
        return evaluate.summary(self._state)

    def memory(self, batch_size: int = 32) -> MemoryRequirement:
        """The memory that a training takes besides its data, by purpose; nothing is allocated.

        Args:
            batch_size: samples for one update.

        Raises:
            TrainingError E503: the shapes of the inputs are not known yet.
            UsageError E102: no such batch size.
        """
        return memory_of(self._state, batch_size)
