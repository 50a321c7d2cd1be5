"""The type of the entries of the catalog."""

from typing import NamedTuple


class Entry(NamedTuple):
    """The sentence of an error code in English and Chinese."""

    en: str
    zh: str
