"""Every sentence of an explanation, by key: one table for each language, the same keys and the same facts in
each."""

from chainrule.explain.words import en, zh

TABLES: dict[str, dict[str, str]] = {"en": en.WORDS, "zh": zh.WORDS}
LANGUAGES = tuple(TABLES)


def say(key: str, lang: str, **facts: object) -> str:
    """The sentence of this key in this language, its braces filled with the facts.

    Example:
        >>> say("label_of", "en", number="1", label="yes")
        '1 (yes)'
    """
    return TABLES[lang][key].format(**facts)


__all__ = ["LANGUAGES", "TABLES", "say"]
