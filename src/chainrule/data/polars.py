"""polars, loaded when the first table is touched: whoever learns from arrays need not wait for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
else:

    class _Later:
        """A module that is imported when a name of it is asked for."""

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module("polars"), name)

    pl = _Later()

__all__ = ["pl"]
