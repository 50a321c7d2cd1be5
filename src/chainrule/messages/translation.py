"""Translated templates from the catalogs of gettext in ``locale``.

A catalog ``locale/<language>/LC_MESSAGES/chainrule.po`` has the translation of each English template. It is
compiled to ``.mo`` when the package is built (``hatch_build.py``) or by ``python -m pages.translations``, and
read when the first text in its language is needed.

Reference: the manual of GNU gettext, sections PO Files and MO Files.
"""

from __future__ import annotations

import gettext
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import NoReturn, TypeAlias

from chainrule.messages.plural import English
from chainrule.messages.spacing import Chinese

DOMAIN = "chainrule"
FOLDER = Path(__file__).parents[1] / "locale"
LANGUAGES = ("en", "zh")
Text: TypeAlias = str
"""An English text. The annotation marks constants for ``python -m pages.translations``."""
Texts: TypeAlias = dict[str, Text]
"""A table of English texts by key."""


class _Missing(gettext.NullTranslations):
    """The end of a catalog: a text without translation is a ``KeyError``."""

    def gettext(self, message: str) -> NoReturn:
        raise KeyError(message)

    def pgettext(self, context: str, message: str) -> NoReturn:
        raise KeyError((context, message))


@cache
def _catalog(lang: str) -> gettext.NullTranslations:
    """The catalog of a language.

    Raises:
        FileNotFoundError: it was not compiled: ``python -m pages.translations`` does.
    """
    catalog = gettext.translation(DOMAIN, str(FOLDER), [lang])
    catalog.add_fallback(_Missing())
    return catalog


def translated(template: str, lang: str, context: str = "") -> str:
    """Return a template in a language; the English one if there is no translation.

    Its ``format`` counts in English (``messages.plural``) and sets spaces in Chinese (``messages.spacing``).

    Args:
        template: the English text, with its fields in braces.
        lang: ``"en"`` or ``"zh"``.
        context: where the text is used, for one that has several translations.

    Example:
        >>> translated("{rows} rows", "zh"), translated("x", "zh")
        ('{rows} 行', 'x')
    """
    if lang == "en" or not template:  # the empty text of a catalog is its header
        return English(template)
    catalog = _catalog(lang)
    for lookup in (partial(catalog.pgettext, context), catalog.gettext) if context else (catalog.gettext,):
        with suppress(KeyError):
            return Chinese(lookup(template))
    return Chinese(template)


def in_language(texts: Texts, lang: str) -> dict[str, str]:
    """Return a table of texts in a language; a text may have a translation of its own for its key."""
    return {key: translated(text, lang, key) for key, text in texts.items()}


def is_known(template: str) -> bool:
    """Whether a template has a translation, so that it is a text of this program."""
    try:
        _catalog("zh").gettext(template)
    except KeyError:
        return False
    return bool(template)
