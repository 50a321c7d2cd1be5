"""Texts of the program in two languages: English in the code, translations in catalogs of gettext.

Input: English templates and the values of their fields. Output: records that are rendered in either language.
"""

from chainrule.messages.message import (
    JoinedMessage,
    Message,
    alternatives,
    alternatives_of,
    fact,
    join_facts,
    known_fact,
    message_of,
    rendered,
)
from chainrule.messages.plural import English, fill
from chainrule.messages.spacing import Chinese
from chainrule.messages.translation import (
    LANGUAGES,
    Text,
    Texts,
    in_language,
    is_known,
    joined_sentences,
    translated,
)

__all__ = [
    "LANGUAGES",
    "Chinese",
    "English",
    "JoinedMessage",
    "Message",
    "Text",
    "Texts",
    "alternatives",
    "alternatives_of",
    "fact",
    "fill",
    "in_language",
    "is_known",
    "join_facts",
    "joined_sentences",
    "known_fact",
    "message_of",
    "rendered",
    "translated",
]
