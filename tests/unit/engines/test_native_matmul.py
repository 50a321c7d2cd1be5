"""Matrix products so large that blocks are packed and computed in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr

# Around the sizes of tiles, blocks and pieces; with 512 and 1024, rows are 2 and 4 KiB apart.
ROWS, DEPTHS, COLUMNS = (
    (1, 7, 8, 23, 64, 257, 512, 600),
    (1, 7, 8, 129, 256, 512, 530, 1024),
    (1, 15, 16, 127, 136, 300),
)


@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@settings(max_examples=25, deadline=None)
@given(
    rows=st.sampled_from(ROWS),
    depth=st.sampled_from(DEPTHS),
    columns=st.sampled_from(COLUMNS),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_a_product_matches_numpy(
    transposed: tuple[bool, bool], rows: int, depth: int, columns: int, dtype: str
) -> None:
    random = np.random.default_rng(rows + depth + columns)
    shapes = [
        (depth, rows) if transposed[0] else (rows, depth),
        (columns, depth) if transposed[1] else (depth, columns),
    ]
    arrays = {name: random.normal(size=shape).astype(dtype) for name, shape in zip("ab", shapes, strict=True)}
    nodes = [cr.input(name, array.shape, dtype=dtype) for name, array in arrays.items()]
    a, b = (node.T if is_transposed else node for node, is_transposed in zip(nodes, transposed, strict=True))
    left, right = (
        x.T if is_transposed else x for x, is_transposed in zip(arrays.values(), transposed, strict=True)
    )
    result = cr.evaluate(a @ b, arrays, engine="native")
    tolerance = 64 * np.finfo(dtype).eps * np.sqrt(depth)
    np.testing.assert_allclose(
        result, left.astype("float64") @ right.astype("float64"), rtol=tolerance, atol=tolerance
    )
