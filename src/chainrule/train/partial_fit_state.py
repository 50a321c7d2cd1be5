"""What ``partial_fit`` keeps between two calls: the state of the optimizer, in memory and in model files.

A ``ModelState`` has the parameters that predict. The next update also needs the optimizer's state, the number
of updates, and, where an optimizer predicts with averaged parameters, those that it trains. They belong to
one state: a training, or parameters that are set, create another one, for which nothing is kept.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakKeyDictionary

from chainrule.records import frozen
from chainrule.symbolic_shape import Spec
from chainrule.train.model_state import ModelState
from chainrule.train.train_state import Tensors

SLOT, TRAINED = "online/slot/", "online/parameter/"  # prefixes of arrays in model files


@frozen(eq=False)
class Online:
    """The arrays of a training by ``partial_fit`` besides the model.

    Args:
        parameters: the parameters that are trained, by path.
        slots: the state of the optimizer, by label.
        steps: the number of updates so far.
    """

    parameters: Tensors
    slots: Tensors
    steps: int

    def online(self) -> Online:
        """Return this record."""
        return self

    def tensors(self) -> Tensors:
        """Return the arrays by their names in a model file."""
        slots = {SLOT + label: array for label, array in self.slots.items()}
        return slots | {TRAINED + path: array for path, array in self.parameters.items()}


class Keeper(Protocol):
    """Something that has the arrays of a training by ``partial_fit``."""

    def online(self) -> Online:
        """Return the arrays."""
        ...


KEEPERS: WeakKeyDictionary[ModelState, Keeper] = WeakKeyDictionary()  # by the last committed or loaded state


def online_of(model: ModelState) -> Online | None:
    """Return what is kept for the next ``partial_fit`` of a model; ``None``: nothing."""
    keeper = KEEPERS.get(model)
    return None if keeper is None else keeper.online()


def online_specs(model: ModelState) -> dict[str, Spec]:
    """Return the specs of ``Online.tensors`` by name, as a model file must have them."""
    assert model.network is not None
    dtype = model.recipe.dtype
    slots = {SLOT + label: Spec(tuple(slot.shape), dtype) for label, slot in model.network.slots.items()}
    return slots | {TRAINED + path: p.spec for path, p in model.network.parameters.items()}


def keep_loaded(model: ModelState, arrays: Tensors, steps: int) -> None:
    """Keep the arrays of a model file for the next ``partial_fit`` of the loaded model."""
    slots = {name.removeprefix(SLOT): array for name, array in arrays.items() if name.startswith(SLOT)}
    trained = {name.removeprefix(TRAINED): a for name, a in arrays.items() if name.startswith(TRAINED)}
    KEEPERS[model] = Online(trained, slots, steps)
