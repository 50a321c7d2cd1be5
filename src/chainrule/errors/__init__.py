"""What went wrong, where, what was expected, what came, and a fix that can be pasted.

In: a code of the catalog and the facts of the case. Out: one exception whose text has one form, in English
or Chinese. This room never decides *whether* something is wrong; it only says it well.
"""

from chainrule.errors.call_errors import refuse_call
from chainrule.errors.catalog import CATALOG, Entry
from chainrule.errors.format import (
    CallError,
    ChainruleError,
    DataError,
    DtypeError,
    FileError,
    GradientError,
    Place,
    ShapeError,
    TrainingError,
    UsageError,
    nearest,
)
from chainrule.errors.message import Message, fact, joined, message_of
from chainrule.errors.method_calls import explained, explained_function, explained_methods
from chainrule.errors.suggestion import suggest, written

__all__ = [
    "CATALOG",
    "CallError",
    "ChainruleError",
    "DataError",
    "DtypeError",
    "Entry",
    "FileError",
    "GradientError",
    "Message",
    "Place",
    "ShapeError",
    "TrainingError",
    "UsageError",
    "explained",
    "explained_function",
    "explained_methods",
    "fact",
    "joined",
    "message_of",
    "nearest",
    "refuse_call",
    "suggest",
    "written",
]
