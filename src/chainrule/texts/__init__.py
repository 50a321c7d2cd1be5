"""The texts of explanations, by key."""

from chainrule.messages import LANGUAGES, Message, Texts, translated
from chainrule.texts.attribution import ATTRIBUTION, COUNTERFACTUAL
from chainrule.texts.explanation import DOCTOR, LEDGER, WORDS
from chainrule.texts.robustness import AUDITING, CERTIFICATES, ROBUSTNESS, UNCERTAINTY

TEXTS: Texts = {
    **WORDS,
    **DOCTOR,
    **ATTRIBUTION,
    **COUNTERFACTUAL,
    **LEDGER,
    **ROBUSTNESS,
    **CERTIFICATES,
    **UNCERTAINTY,
    **AUDITING,
}


def render(key: str, lang: str, **facts: object) -> str:
    """Return the text of ``key`` in the language ``lang``, with ``facts`` put in for its placeholders.

    Example:
        >>> render("label_of", "en", number="1", label="yes")
        '1 (yes)'
    """
    return translated(TEXTS[key], lang, key).format(**facts)


def text_record(key: str, **facts: object) -> Message:
    """Return the text of ``key`` as a record, which is rendered later."""
    return Message(TEXTS[key], facts, key)


__all__ = ["LANGUAGES", "TEXTS", "render", "text_record"]
