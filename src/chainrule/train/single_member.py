"""One member of an ensemble as a network of its own.

An ensemble computes all its members at once, on parameters with an axis of members. To explain one member,
the layers of the other groups are left out, the parameters of its group are reduced to its own, and the
mean over the members becomes a layer that removes their axis.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.extension import changed
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Flatten, Parallel
from chainrule.nn.layers.ensemble import EnsembleMean, EnsembleNormalization, EnsemblePiecewiseLinear
from chainrule.nn.layers.ensemble_linear import EnsembleLinearModel
from chainrule.nn.layers.rearrange import RepeatVector
from chainrule.nn.surgery import transformed
from chainrule.train.evaluation.ensemble_weights import weighted_mean
from chainrule.train.member_graph import member_columns, member_slices
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network


def members_of(model: ModelState) -> int:
    """Return the number of members of an ensemble; 0 for a single network."""
    return 0 if model.network is None else len(member_columns(model.network))


def member_weights(model: ModelState) -> np.ndarray:
    """Return the weight of each member of an ensemble in the mean, (S,)."""
    assert model.network is not None
    count, averaging = members_of(model), weighted_mean(model.network)
    if averaging is None:
        return np.full(count, 1.0 / count)
    of_groups = model.states[f"{averaging[0]}.weights"].astype(np.float64)
    return np.repeat(of_groups * (len(of_groups) / count), count // len(of_groups))


def single_member(model: ModelState, number: int) -> ModelState:
    """Return the member ``number``, from 1, of a trained ensemble as a model."""
    network = model.network
    assert network is not None
    index = number - 1
    places = {
        path: index - part.start
        for path, part in member_slices(network).items()
        if part.start <= index < part.stop
    }
    others = [path for path in model.arrays if path not in places]

    def change(path: str, layer: Layer) -> Layer | None:
        if not isinstance(layer, Parallel):
            return _with_one_member(layer, members_of(model))
        start = f"{path}." if path else ""
        branches = tuple(
            (name, part)
            for name, part in layer.branches
            if _has_path(places, start + name) or not _has_path(others, start + name)
        )
        return changed(layer, branches=branches) if branches else None  # within a group left out

    recipe = replace(model.recipe, net=transformed(model.recipe.net, change))
    single = Network(recipe, network.inputs, network.engine)
    arrays = {
        path: model.arrays[path][places[path] : places[path] + 1]
        for path in (*single.parameters, *single.inference.states)
    }
    return replace(
        model,
        recipe=recipe,
        network=single,
        parameters={path: arrays[path] for path in single.parameters},
        states={path: arrays[path] for path in single.inference.states},
    )


def _with_one_member(layer: Layer, count: int) -> Layer | None:
    """Return a layer of an ensemble of ``count`` members for one of them; ``None``: it stays the same."""
    if isinstance(layer, EnsembleMean):
        return Flatten()
    if isinstance(layer, EnsembleLinearModel | EnsembleNormalization | EnsemblePiecewiseLinear):
        return changed(layer, members=1)
    if isinstance(layer, RepeatVector) and layer.times == count:  # equal rows for each member
        return changed(layer, times=1)
    return None


def _has_path(paths: object, start: str) -> bool:
    return any(path.startswith(f"{start}.") for path in paths)  # type: ignore[attr-defined]
