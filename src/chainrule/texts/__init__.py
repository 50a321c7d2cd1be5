"""The texts of explanations, by key: one table per language, with the same keys and the same placeholders."""

from chainrule.plural import English
from chainrule.spacing import Chinese
from chainrule.texts import en, zh
from chainrule.texts.attribution import ATTRIBUTION
from chainrule.texts.auditing import AUDITING
from chainrule.texts.certificates import CERTIFICATES
from chainrule.texts.counterfactual import COUNTERFACTUAL
from chainrule.texts.doctor import DOCTOR
from chainrule.texts.ledger import LEDGER
from chainrule.texts.robustness import ROBUSTNESS
from chainrule.texts.uncertainty import UNCERTAINTY

_PAIRS = {
    **DOCTOR,
    **ATTRIBUTION,
    **COUNTERFACTUAL,
    **LEDGER,
    **ROBUSTNESS,
    **CERTIFICATES,
    **UNCERTAINTY,
    **AUDITING,
}  # (English, Chinese)
TABLES: dict[str, dict[str, str]] = {
    "en": {
        **{key: English(text) for key, text in en.WORDS.items()},
        **{key: English(text) for key, (text, _) in _PAIRS.items()},
    },
    "zh": {
        **{key: Chinese(text) for key, text in zh.WORDS.items()},
        **{key: Chinese(text) for key, (_, text) in _PAIRS.items()},
    },
}
LANGUAGES = tuple(TABLES)


def render(key: str, lang: str, **facts: object) -> str:
    """Return the text of ``key`` in the language ``lang``, with ``facts`` put in for its placeholders.

    Example:
        >>> render("label_of", "en", number="1", label="yes")
        '1 (yes)'
    """
    return TABLES[lang][key].format(**facts)


__all__ = ["LANGUAGES", "TABLES", "render"]
