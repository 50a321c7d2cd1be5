"""Errors and notices as the page shows them, at their place."""

from __future__ import annotations

import re
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.events import Notice
from chainrule.messages import rendered

_PART = re.compile(r"part (\d+) of ")


def error_record(error: ChainruleError, lang: str) -> dict[str, Any]:
    """Return an error for the page: its sentence, what was expected, and the text of its fix.

    Args:
        error: of chainrule.
        lang: ``"en"`` or ``"zh"``.
    """
    part = _PART.search(str(error.where))
    fix, where = str(rendered(error.fix, lang)), str(rendered(error.where, lang))
    return {
        "code": error.code,
        "error": error.clause(lang),
        "where": "" if where == "studio" else where,
        "expected": str(rendered(error.expected, lang)),
        "received": str(rendered(error.received, lang)),
        "fix": fix,
        "part": None if part is None else int(part[1]) - 1,
        "net": fix[1:-1] if part is not None and fix.startswith('"') else "",
    }


def notice_record(notice: Notice) -> dict[str, Any]:
    """Return a notice in both languages, with its rule of the doctor and what a fix of it needs."""
    rule = getattr(notice.text, "values", {}).get("rule", "")
    sentence = getattr(notice.text, "values", {}).get("sentence")
    values = getattr(sentence, "values", {})
    facts = {name: str(value)[:200] for name, value in values.items()}
    return {"en": notice.en, "zh": notice.zh, "rule": str(rule), "facts": facts}
