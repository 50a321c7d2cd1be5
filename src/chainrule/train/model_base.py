"""``StateHolder``: the base class of ``chainrule.Model``, an object with one ``ModelState``.

The packages between ``train`` and ``chainrule.Model`` take a ``StateHolder`` where users pass a model, and a
``ModelState`` everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import numpy as np

from chainrule.escaping import PrintedText
from chainrule.plan.memory_requirement import MemoryRequirement
from chainrule.symbolic_shape import Spec
from chainrule.train.evaluation import evaluate
from chainrule.train.history import History
from chainrule.train.inputs.target import Target
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.memory import memory_of
from chainrule.train.monitor.probe import Probe
from chainrule.train.monitor.scaling import Scaling, scaling_of
from chainrule.train.network import Network, Recipe
from chainrule.train.parameter_loading import with_graphs
from chainrule.train.private.privacy_spent import PrivacySpent
from chainrule.train.train_state import Tensors

if TYPE_CHECKING:
    from chainrule.data import Preparation, Tokenizer

P = ParamSpec("P")
R = TypeVar("R")


class StateHolder:
    """An object with one ``ModelState``, whose parts are properties.

    Args:
        state: the initial state.
    """

    def __init__(self, state: ModelState) -> None:
        self._state = state

    @classmethod
    def of(cls, state: ModelState) -> Self:
        """Return a new object of this class with this state.

        Args:
            state: the state.
        """
        holder = cls.__new__(cls)
        StateHolder.__init__(holder, state)
        return holder

    @property
    def state(self) -> ModelState:
        """Everything of the model as one immutable value."""
        return self._state

    def adopt(self, state: ModelState) -> None:
        """Replace the state.

        Args:
            state: the new state.
        """
        self._state = state

    @property
    def recipe(self) -> Recipe:
        """Layers, loss, optimizer, penalty, clipping, dtype and frozen paths."""
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
    def classes_(self) -> np.ndarray:
        """The classes in the order of the columns of ``predict_proba``, as in scikit-learn; empty for
        regression."""
        return np.array(self._state.labels)

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return self._state.task

    @property
    def preparation(self) -> Preparation | None:
        """The preparation that converts tables to arrays; ``None`` for a model of arrays."""
        return self._state.preparation

    @property
    def tokenizers(self) -> Mapping[str, Tokenizer]:
        """The tokenizers of texts, by input; ``""`` is the one for all."""
        return self._state.tokenizers

    @property
    def history(self) -> History:
        """A row of numbers for each epoch of the last training; shown as a table with the best epoch."""
        return History.of(self._state.history, self._state.facts)

    @property
    def probes(self) -> list[Probe]:
        """Samples of the network's inner values during the last training."""
        return self._state.probes

    @property
    def facts(self) -> Mapping[str, Any]:
        """Counts and settings of the last training."""
        return self._state.facts

    @property
    def privacy_spent(self) -> PrivacySpent | None:
        """The privacy that the training spent; ``None`` for a model that was not trained privately."""
        return PrivacySpent.of(self._state.facts)

    def parameters(self) -> Tensors:
        """Return copies of the parameters by path, such as ``"dense1.weight"``."""
        return {path: value.copy() for path, value in self._state.parameters.items()}

    def states(self) -> Tensors:
        """Return copies of the states of layers, such as running means, by path."""
        return {path: value.copy() for path, value in self._state.states.items()}

    def summary(self) -> str:
        """Return the network as a table: the output shape and the number of parameters of each layer.

        The result is a text; a notebook displays its lines.
        """
        return PrintedText(evaluate.summary(self._state))

    def memory(self, batch_size: int = 32) -> MemoryRequirement:
        """Return the memory that a training takes in addition to its data, by purpose; nothing is allocated.

        Args:
            batch_size: the number of samples of one update.

        Raises:
            TrainingError E503: the shapes of the inputs are not known yet.
            UsageError E102: ``batch_size`` is less than 1.
        """
        return memory_of(self._state, batch_size)

    def scaling(
        self,
        batch_size: int = 32,
        *,
        devices: Iterable[int] = (1, 2, 4, 8),
        kind: str = "h100",
        inputs: Mapping[str, Spec | np.ndarray] | np.ndarray | None = None,
    ) -> Scaling:
        """Return an estimate of the time and memory of a training step on 1, 2, ... devices.

        It is computed from the graph and published figures; nothing is run (docs/xla.md). The settings
        ``parallel`` and ``sharding`` apply; ``print`` shows a table.

        Args:
            batch_size: samples in a batch, of all devices together.
            devices: numbers of devices.
            kind: the device: ``"h100"``, ``"a100"``, ``"l4"`` or ``"v5e"``.
            inputs: as of ``initialize``, for a model without parameters; none are sampled, so the network may
                be larger than the memory of this machine.

        Raises:
            UsageError E101: an unknown device. E102: a number of devices below 1, or a sharding that needs
                ``parallel="fast"`` or names layers. TrainingError E503: a model without parameters, and no
                ``inputs``.
        """
        state = self._state if inputs is None else with_graphs(self._state, inputs)
        return scaling_of(state, batch_size, devices=devices, kind=kind)


class MethodGroup:
    """Methods of a model about one subject, such as ``model.robustness``."""

    name: ClassVar[str]

    def __init__(self, model: StateHolder) -> None:
        self._model = model

    @property
    def state(self) -> ModelState:
        """The state of the model."""
        return self._model.state

    def __repr__(self) -> str:
        return f"<model.{self.name}: {', '.join(dir(self))}>"

    def __dir__(self) -> list[str]:
        return sorted(name for name in vars(type(self)) if not name.startswith("_") and name != "name")


class Shortcut(Generic[P, R]):
    """A method of a group under its name on the model: ``model.attack`` is ``model.robustness.attack``."""

    def __init__(self, group: type[MethodGroup], method: Callable[Concatenate[Any, P], R]) -> None:
        self._group, self._method = group, method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, model: None, owner: type) -> Callable[Concatenate[Any, P], R]: ...
    @overload
    def __get__(self, model: StateHolder, owner: type) -> Callable[P, R]: ...
    def __get__(self, model: StateHolder | None, owner: type) -> Any:
        return self._method if model is None else MethodType(self._method, self._group(model))
