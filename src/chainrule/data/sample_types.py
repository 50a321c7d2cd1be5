"""Types of samples, targets and sample weights in public signatures, for editors and type checkers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chainrule.data.tables.table import Table


class DataFrame(Protocol):
    """A data frame of polars or pandas."""

    @property
    def columns(self) -> object: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


Samples: TypeAlias = (
    "ArrayLike | DataFrame | Table | os.PathLike[str] | Mapping[str, object] | Sequence[Mapping[str, object]]"
)
"""Inputs: an array (N, ...), arrays by input name, a table (path, frame, name of a bundled data set), dicts
of columns or of cells; of a trained model also one row in any of these forms."""
BatchIterable: TypeAlias = "Iterable[object] | Callable[[], Iterable[object]]"
"""Batches (x, y), (x, y, weights) or dicts: a DataLoader, a generator, a list, or a function that returns one
of these."""
Targets: TypeAlias = "ArrayLike | DataFrame | Mapping[str, ArrayLike] | None"
"""Targets: an array (N, ...), arrays by output name, or the name of a column."""
SampleWeight: TypeAlias = "ArrayLike | Mapping[str, ArrayLike] | None"
"""The weight of each sample, (N,), or of each of its positions, (N, T)."""
