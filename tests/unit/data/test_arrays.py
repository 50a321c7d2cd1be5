"""Arrays passed by users: accepted in any valid form, otherwise refused with the position of the fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from chainrule.data import Arrays
from chainrule.errors import DataError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 0, 1])


def frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


FORMS: dict[str, Any] = {
    "list": X.tolist(),
    "float64": X,
    "float16": X.astype(np.float16),
    "int8": X.astype(np.int8),
    "big-endian": X.astype(">f8"),
    "Fortran order": np.asfortranarray(X),
    "every second row": np.repeat(X, 2, axis=0)[::2],
    "reversed": X[::-1][::-1],
    "read-only": frozen(X),
    "pandas": pd.DataFrame(X),
    "masked, nothing hidden": np.ma.array(X, mask=np.zeros((4, 3), bool)),
}


@pytest.mark.parametrize("form", FORMS)
def test_accepted_forms_of_inputs(form: str) -> None:
    data = Arrays.of(FORMS[form], Y)
    assert isinstance(data.x, np.ndarray)
    assert data.x.dtype == np.float32
    assert data.x.flags.c_contiguous
    assert data.x.dtype.isnative
    assert data.x.tolist() == X.tolist()


TARGETS: dict[str, tuple[Any, str, tuple[int, ...]]] = {
    "labels": (Y, "int64", (4,)),
    "small labels": (Y.astype(np.int8), "int64", (4,)),
    "a column": (Y[:, None].astype(float), "float32", (4,)),
    "values": (Y.astype(float), "float32", (4,)),
    "several values": (X, "float32", (4, 3)),
    "booleans": (Y == 1, "bool", (4,)),
    "texts": (["a", "b", "a", "b"], "<U1", (4,)),
    "object texts": (np.array(["a", "b", "a", "b"], dtype=object), "<U1", (4,)),
    "a series of texts": (pd.Series(["a", "b", "a", "b"]), "<U1", (4,)),
}


@pytest.mark.parametrize("form", TARGETS)
def test_accepted_forms_of_targets(form: str) -> None:
    value, dtype, shape = TARGETS[form]
    y = Arrays.of(X, value).y
    assert isinstance(y, np.ndarray)
    assert (y.dtype, y.shape) == (np.dtype(dtype), shape)


BAD: dict[str, tuple[str, str, tuple]] = {
    "nan": ("E342", "x[1, 2]", (np.where(X == 5, np.nan, X),)),
    "infinity": ("E342", "x[0, 0]", (np.where(X == 0, -np.inf, X),)),
    "too large for float32": ("E342", "x[3, 2]", (np.where(X == 11, 1e39, X),)),
    "nan in y": ("E342", "y[2]", (X, np.array([0, 1, np.nan, 0]))),
    "nan in weights": ("E342", "weights[0]", (X, Y, [np.nan, 1, 1, 1])),
    "negative weight": ("E342", "weights[1]", (X, Y, [1, -1, 1, 1])),
    "objects": ("E340", "x", (np.array([[{}], [1]], dtype=object),)),
    "texts": ("E340", "x", (np.array([["a"], ["b"]]),)),
    "complex": ("E340", "x", (X * 1j,)),
    "dates": ("E340", "x", (np.array([["2024-01-01"]], dtype="datetime64[D]"),)),
    "masked": ("E340", "x", (np.ma.array(X, mask=X == 1),)),
    "mixed y": ("E340", "y", (X, np.array(["a", 1, "b", None], dtype=object))),
    "one axis": ("E341", "x", (np.arange(4.0), Y)),
    "ragged": ("E341", "x", ([[1, 2], [3]],)),
    "single y": ("E341", "y", (X, 1.0)),
    "no rows": ("E343", "x", (np.empty((0, 3)),)),
    "no columns": ("E343", "x", (np.empty((3, 0)),)),
    "no inputs": ("E343", "x", ({},)),
    "lengths": ("E344", "y has 3", (X, Y[:3])),
    "all lengths": ("E344", "y has 3; weights has 2", (X, Y[:3], [1, 1])),
    "lengths of named inputs": ("E344", 'x["b"] has 2', ({"a": X, "b": X[:2]},)),
}


@pytest.mark.parametrize("case", BAD)
def test_invalid_arrays_are_refused(case: str) -> None:
    code, word, arguments = BAD[case]
    with pytest.raises(DataError) as caught:
        Arrays.of(*arguments)
    assert caught.value.code == code
    assert word in str(caught.value)


def test_arrays_of_the_caller_are_not_modified() -> None:
    x, y = X.copy(), Y.copy()
    data = Arrays.of(x, y).take(np.array([3, 0]))
    assert isinstance(data.x, np.ndarray)
    data.x[:] = -1
    assert (x == X).all()
    assert (y == Y).all()
    assert data.rows == 2


def test_named_inputs_and_outputs() -> None:
    data = Arrays.of({"a": X, "b": X[:, :1]}, {"t": Y}).take(np.array([1]))
    assert isinstance(data.x, dict)
    assert isinstance(data.y, dict)
    assert (data.x["b"].tolist(), data.y["t"].tolist(), data.rows) == ([[3.0]], [1], 1)


def test_the_error_for_ragged_rows_names_the_row_and_a_fix() -> None:
    with pytest.raises(DataError) as caught:
        Arrays.of([[1, 2], [3, 4], [5, 6, 7]])
    assert (caught.value.code, caught.value.received) == ("E341", "x[2] has 3")
    assert "cr.Masking(" in str(caught.value)
    with pytest.raises(DataError, match=r"x\[1\] has 2(?s:.*)p.mask"):
        Arrays.of([np.ones((3, 2)), np.ones((2, 2))])
