"""Every sentence of an explanation, by key: one table for each language, the same keys and the same facts in
each."""

from chainrule.texts import en, zh
from chainrule.texts.attribution import ATTRIBUTION
from chainrule.texts.counterfactual import COUNTERFACTUAL
from chainrule.texts.doctor import DOCTOR
from chainrule.texts.ledger import LEDGER

_BESIDE = {**DOCTOR, **ATTRIBUTION, **COUNTERFACTUAL, **LEDGER}  # both languages side by side
TABLES: dict[str, dict[str, str]] = {
    "en": {**en.WORDS, **{key: text for key, (text, _) in _BESIDE.items()}},
    "zh": {**zh.WORDS, **{key: text for key, (_, text) in _BESIDE.items()}},
}
LANGUAGES = tuple(TABLES)


def say(key: str, lang: str, **facts: object) -> str:
    """The sentence of this key in this language, its braces filled with the facts.

    Example:
        >>> say("label_of", "en", number="1", label="yes")
        '1 (yes)'
    """
    return TABLES[lang][key].format(**facts)


__all__ = ["LANGUAGES", "TABLES", "say"]
