"""The form of one entry of the catalog."""

from typing import NamedTuple


class Entry(NamedTuple):
    """The plain clause of one error code, in English and Chinese."""

    en: str
    zh: str
