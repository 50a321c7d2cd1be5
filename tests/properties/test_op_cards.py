"""Every card is complete, and its samples break every one of its constraints."""

from __future__ import annotations

import re

import numpy as np
import pytest

from chainrule.errors import ChainruleError
from chainrule.notation import parse
from chainrule.ops import CARDS, Card, Sample
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Spec

NO_BATCH = {
    "uniform": "the only input is a key, which has no samples; the i-th number depends on the full shape",
    "normal": "the only input is a key, which has no samples; the i-th number depends on the full shape",
}
# Codes that identify a constraint by its text alone, each with a pattern of the text.
TEXT_OF = {
    "E201": "one shape",
    "E202": "aligned at the end",
    "E204": "number of elements",
    "E205": "axis exists|axes exist",
    "E206": "start <= stop|step 1",
    "E207": "axes are equal",
    "E251": "dtype is supported",
    "E252": "dtype",
    "E253": "dtype|floating-point|integers|true/false",
}


def test_names_are_unique_and_every_card_has_a_public_function() -> None:
    names = [kind.name for kind in CARDS]
    assert len(set(names)) == len(names)
    hidden = {
        "broadcast": "broadcast_to",
        "slice": "x[...]",
        "extent": "mean",
        "fold": "the gradient of patches",
        "convolution_input": "convolution_transpose",
        "convolution_weight": "the gradient of convolution",
        "scan": "cr.scan, which takes a step",
        "again": "the gradient of remat",
    }
    assert [name for name in names if name not in F.__all__ and name not in hidden] == []


def test_a_card_has_formula_pullbacks_texts_and_constraints(kind: type[Card]) -> None:
    parse(kind.formula)
    for rule in kind.pullbacks.values():
        if isinstance(rule, str):
            parse(rule)
        else:
            assert rule.reason.strip()
    assert set(kind.pullbacks) == set(kind.arguments)
    assert all(len(sentence.strip()) > 1 for sentence in kind.says)
    assert all(re.search("[一-鿿]", sentence) for sentence in (kind.says.forward_zh, kind.says.backward_zh))
    assert list(kind.constraints) == [f"C{i + 1}" for i in range(len(kind.constraints))]
    assert kind.__doc__


def test_every_constraint_has_a_sample_that_breaks_it(kind: type[Card]) -> None:
    broken = {s.breaks for s in kind.samples()} - {""}
    assert broken <= set(kind.constraints)
    for number in set(kind.constraints) - broken:
        assert len(kind.arguments) == 1, f"{number} of {kind.name} has no sample"
        trivial = "all inputs" if takes_anything(kind) else "all inputs have one shape"
        assert kind.constraints[number].startswith(trivial)


def test_every_card_has_an_empty_a_single_and_a_batched_sample(kind: type[Card]) -> None:
    valid = [s for s in kind.samples() if not s.breaks]
    with np.errstate(all="ignore"):
        sizes = [np.size(s.concrete().evaluate(*s.inputs)) for s in valid]
    inputs = [min((a.size for a in s.inputs), default=1) for s in valid]
    assert 0 in sizes + inputs
    assert 1 in sizes
    assert any(s.batch for s in valid) != (kind.name in NO_BATCH)


def takes_anything(kind: type[Card]) -> bool:
    """Whether a card accepts every dtype, so that no input can have a wrong one."""
    return getattr(kind, "takes", "") == "any"


def test_the_error_of_a_broken_constraint_identifies_it(broken: Sample) -> None:
    with pytest.raises(ChainruleError) as caught:
        broken.op.infer(*broken.symbolic())
    error, constraint = caught.value, broken.op.constraints[broken.breaks]
    by_number = re.search(rf"\b{broken.breaks}\b", str(error))
    by_code = error.code in TEXT_OF and re.search(TEXT_OF[error.code], constraint)
    assert by_number or by_code, f"{error} does not name {broken.breaks}: {constraint}"
    assert error.render("zh") != error.render("en")


def test_a_card_equals_its_copy_and_prints_its_name(sample: Sample) -> None:
    twin = type(sample.op)(**sample.op.attributes)
    assert twin == sample.op
    assert hash(twin) == hash(sample.op)
    assert sample.op.name in str(sample.op)
    assert Spec.of(sample.inputs[0]) == sample.symbolic()[0].at({"B": _length(sample)})


def _length(sample: Sample) -> int:
    axes = sample.batch or ()
    return next((a.shape[axis] for a, axis in zip(sample.inputs, axes, strict=False) if axis is not None), 0)
