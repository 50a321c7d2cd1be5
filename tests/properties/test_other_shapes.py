"""Every layer takes inputs of another length or size as a layer built for it does, or the error names it."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.errors import ChainruleError
from chainrule.symbolic_shape import Size
from layer_cases import CASES, Case, ready

B = Size.symbol("B")
# Layers with an axis that may be longer: the second one is neither features nor channels.
LONGER = {name: case for name, case in CASES.items() if all(len(s) >= 2 for s in case.inputs.values())}
LONGER |= {name: case for name, case in CASES.items() if case.vocabulary and case.shape}


def longer(array: np.ndarray) -> np.ndarray:
    """The same rows, followed by the first positions again."""
    return np.concatenate([array, array[:, :2]], axis=1)


def model(case: Case, inputs: dict[str, np.ndarray]) -> cr.Model:
    specs = {name: cr.Spec((B, *a.shape[1:]), a.dtype.name) for name, a in inputs.items()}
    return cr.Model(cr.Sequential(case.net), "mse", dtype="float64", engine="reference").initialize(specs)


def layers_of(built: cr.Model) -> list[object]:
    """The layers of a network."""
    assert built.state.network is not None
    return list(built.state.network.inference.book.layers.values())


@pytest.mark.long
@loop_over("name", LONGER)
def test_a_layer_takes_other_lengths_or_is_named_in_the_error(name: str) -> None:
    case = LONGER[name]
    inputs = {key: ready(case).arrays[key] for key in case.inputs}
    others = {key: longer(array) for key, array in inputs.items()}
    built = model(case, inputs)
    error, result = "", None
    try:
        result = built(others)
    except ChainruleError as fault:
        error = str(fault)
    if error:
        assert any(f'{type(layer).__name__} "' in error for layer in layers_of(built)), error
        return
    expected = model(case, others).load_parameters(built.parameters()).load_states(built.states())(others)
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-10)
