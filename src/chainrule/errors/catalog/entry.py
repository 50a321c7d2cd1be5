"""The type of the entries of the catalog."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Entry(NamedTuple):
    """The sentence of an error code in English and Chinese.

    Args:
        en: in English, with fields for the details of the error.
        zh: in Chinese, with the same fields.
        defaults: English texts of details that an error need not state.
    """

    en: str
    zh: str
    defaults: Mapping[str, str] = MappingProxyType({})
