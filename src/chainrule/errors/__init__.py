"""Error messages: what is wrong, where, what was expected, what was received, and a fix that can be pasted.

Input: a code of the catalog and the facts of the case. Output: an exception whose message has one form, in
English or Chinese. This package does not check anything; the code that raises an error does.
"""

from chainrule.errors.call_errors import (
    explain_call,
    explain_function_calls,
    explain_method_calls,
    refuse_call,
)
from chainrule.errors.catalog import CATALOG, DETAILS
from chainrule.errors.exceptions import (
    STRICT_LIKENESS,
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
from chainrule.errors.suggestion import short_repr, suggest
from chainrule.messages import Message, alternatives, alternatives_of, fact, join_facts, message_of

__all__ = [
    "CATALOG",
    "DETAILS",
    "STRICT_LIKENESS",
    "CallError",
    "ChainruleError",
    "DataError",
    "DtypeError",
    "FileError",
    "GradientError",
    "Message",
    "Place",
    "ShapeError",
    "TrainingError",
    "UsageError",
    "alternatives",
    "alternatives_of",
    "explain_call",
    "explain_function_calls",
    "explain_method_calls",
    "fact",
    "join_facts",
    "message_of",
    "nearest",
    "refuse_call",
    "short_repr",
    "suggest",
]
