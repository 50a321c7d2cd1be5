"""Every error code, with its plain clause in English and Chinese, one file per block of a hundred.

One entry, one page in ``docs/errors/``, one test that provokes it: a house test keeps the three in step.
Words in braces are filled in by the place that raises.
"""

from chainrule.errors.catalog import (
    command,
    data,
    files,
    gradients,
    interop,
    picture,
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
    **picture.ENTRIES,
    **command.ENTRIES,
}

__all__ = ["CATALOG", "Entry"]
