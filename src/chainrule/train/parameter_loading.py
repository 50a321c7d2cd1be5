"""Parameters without training: initialized by a seed, or set by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.errors import ShapeError, UsageError, fact, nearest
from chainrule.nn.scope import outline
from chainrule.symbolic_shape import shape_text
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.inputs.input_check import require_specs
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.progress import report_notice
from chainrule.train.network import Network
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.train.train_state import Tensors
from chainrule.validation import random_seed, trained_network

# Frozen parameters: parts of a network that are not trained, such as a pretrained backbone.
#
# The gradient of a frozen parameter is not computed, and layers before the first trained parameter have no
# backward pass. A frozen *layer* (a path of a layer) is also built as for inference: batch normalization uses
# its running statistics and does not update them, and dropout is inactive. Otherwise the outputs of a frozen
# layer would change during training.


def freeze(model: ModelState, *paths: str) -> ModelState:
    """Return the model with exactly these parts frozen; see ``chainrule.Model.freeze``."""
    recipe = replace(model.recipe, frozen=paths)
    if model.network is None:
        return replace(model, recipe=recipe)
    network = Network(recipe, model.network.inputs, model.engine)
    network.check()
    return replace(model, recipe=recipe, network=network, is_given=bool(model.arrays))


def initialize(model: ModelState, inputs: Any, seed: int) -> ModelState:
    """Return the model with graphs and initial parameters; see ``chainrule.Model.initialize``."""
    seed = random_seed(seed, "initialize")
    return replace(with_graphs(model, inputs).initialized(seed), is_given=True, facts={})


def with_graphs(model: ModelState, inputs: Any) -> ModelState:
    """Return the model with graphs for inputs, which are arrays or specs, and without parameters.

    Raises:
        UsageError E113: other inputs.
    """
    values = inputs.values() if isinstance(inputs, Mapping) else (inputs,)
    if values and all(isinstance(value, np.ndarray) for value in values):
        inputs = specs_of(Arrays.raw(inputs), model.recipe.dtype)
    require_specs(inputs)
    return model.built(inputs, are_fixed=False)


def load_parameters(model: ModelState, values: Mapping[str, Any]) -> ModelState:
    """Return the model with these parameters; see ``chainrule.Model.load_parameters``."""
    trained_network(model, "load_parameters", fact("model.fit(x, y), or model.initialize(inputs)"))
    parameters = replace_arrays("load_parameters", model.parameters, values)
    report_nonfinite({path: parameters[path] for path in values})
    return model.changed("load_parameters", parameters=parameters)


def load_states(model: ModelState, values: Mapping[str, Any]) -> ModelState:
    """Return the model with these states, such as running means; see ``chainrule.Model.load_states``."""
    trained_network(model, "load_states", fact("model.fit(x, y), or model.initialize(inputs)"))
    states = replace_arrays("load_states", model.states, values)
    report_nonfinite({path: states[path] for path in values})
    return model.changed("load_states", states=states)


def report_nonfinite(arrays: Mapping[str, np.ndarray]) -> None:
    """Report loaded arrays with NaN or infinite values."""
    wrong = [path for path, array in arrays.items() if not is_finite(array)]
    if wrong:
        count, total, first = len(wrong), len(arrays), wrong[0]
        numbers = int(np.size(arrays[first]) - np.count_nonzero(np.isfinite(arrays[first])))
        report_notice(
            fact(
                "{count} of {total} loaded arrays contain NaN or infinity: {numbers} numbers of {first}",
                count=count,
                total=total,
                numbers=numbers,
                first=first,
            )
        )


def replace_arrays(where: str, present: Tensors, values: Mapping[str, Any]) -> Tensors:
    """Return arrays by path, some of them replaced.

    Raises:
        UsageError E101: no such path. UsageError E113: not numbers.
        ShapeError E209: another shape; all mismatches are listed.
    """
    unknown = [path for path in values if path not in present]
    if unknown:
        close = nearest(unknown[0], present)
        expected = outline(present)
        received = ", ".join(unknown)
        fix = f'{{"{close}": ...}}' if close else ""
        raise UsageError("E101", where=where, name=unknown[0], expected=expected, received=received, fix=fix)
    arrays = {path: _array(where, path, value, present[path].dtype.name) for path, value in values.items()}
    mismatches = [
        fact(
            "{name} is {received}, not {expected}",
            name=path,
            received=shape_text(a.shape),
            expected=shape_text(present[path].shape),
        )
        for path, a in arrays.items()
        if a.shape != present[path].shape
    ]
    if mismatches:
        raise ShapeError("E209", where=where, received=mismatches[0], notes=mismatches[1:])
    return {**present, **arrays}


def _array(where: str, path: str, value: Any, dtype: str) -> np.ndarray:
    """Return a copy of a value as an array of this dtype, also of a PyTorch tensor on any device."""
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() and value.element_size() < 4 else value).numpy()
    try:
        return np.array(value, dtype=dtype)
    except (TypeError, ValueError) as cause:
        raise UsageError(
            "E113", where=where, name=path, expected=fact("numbers"), received=str(cause).splitlines()[0]
        ) from cause
