"""Translated templates from the catalogs of gettext in ``locale``.

A catalog ``locale/<language>/LC_MESSAGES/chainrule.po`` has the translation of each English template. It is
compiled to ``.mo`` when the package is built (``hatch_build.py``) or by ``python -m pages.translations``, and
read when the first text in its language is needed. A checkout that was never built has only the ``.po`` file,
which takes a moment longer to read.

Reference: the manual of GNU gettext, sections PO Files and MO Files.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from chainrule.messages.plural import English
from chainrule.messages.spacing import Chinese

if TYPE_CHECKING:
    from gettext import NullTranslations

    from chainrule.messages.catalog_source import SourceCatalog

DOMAIN = "chainrule"
FOLDER = Path(__file__).parents[1] / "locale"
LANGUAGES = ("en", "zh")
Text: TypeAlias = str
"""An English text. The annotation marks constants for ``python -m pages.translations``."""
Texts: TypeAlias = dict[str, Text]
"""A table of English texts by key."""


@cache
def _catalog(lang: str) -> NullTranslations | SourceCatalog:
    """Return the catalog of a language; if it was not compiled, its source."""
    from gettext import find, translation  # noqa: PLC0415 a program in English does not import it

    if find(DOMAIN, str(FOLDER), [lang]):
        return translation(DOMAIN, str(FOLDER), [lang])
    from chainrule.messages.catalog_source import SourceCatalog  # noqa: PLC0415 only in a checkout

    return SourceCatalog(FOLDER / lang / "LC_MESSAGES" / f"{DOMAIN}.po")


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
    if context and (own := catalog.pgettext(context, template)) is not template:
        return Chinese(own)
    return Chinese(catalog.gettext(template))


def in_language(texts: Texts, lang: str) -> dict[str, str]:
    """Return a table of texts in a language; a text may have a translation of its own for its key."""
    return {key: translated(text, lang, key) for key, text in texts.items()}


def is_known(template: str) -> bool:
    """Return whether a template has a translation, so that it is a text of this program."""
    return bool(template) and _catalog("zh").gettext(template) is not template  # as it is where none is found


def joined_sentences(sentences: Iterable[str], lang: str) -> str:
    """Return sentences one after the other; Chinese ones have no space between them.

    Example:
        >>> joined_sentences(["It ended.", "It is best."], "en"), joined_sentences(["结束。", "最好。"], "zh")
        ('It ended. It is best.', '结束。最好。')
    """
    return ("" if lang == "zh" else " ").join(sentences)
