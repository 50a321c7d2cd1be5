"""The catalog of error codes with one sentence per code, in English and Chinese.

Every entry has a page in ``docs/errors/`` and a test that raises the error; an architecture test checks this.
Fields in braces are filled with the details of the error.
"""

from chainrule.errors.catalog import (
    bounds,
    command,
    data,
    files,
    gradients,
    interop,
    plots,
    shapes,
    training,
    usage,
)
from chainrule.errors.catalog.entry import Entry

CATALOG: dict[str, Entry] = {
    **usage.ENTRIES,
    **shapes.ENTRIES,
    **gradients.ENTRIES,
    **data.ENTRIES,
    **files.ENTRIES,
    **interop.ENTRIES,
    **training.ENTRIES,
    **plots.ENTRIES,
    **command.ENTRIES,
    **bounds.ENTRIES,
}

__all__ = ["CATALOG", "Entry"]
