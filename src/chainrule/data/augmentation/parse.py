"""An augmentation in a few words: the mini language of ``--augment``.

    flip, crop 4, rotate 10, color brightness=0.2 contrast=0.2, affine scale=0.8..1.2

Parts are separated by commas; each is a change, and happens in this order. A bare number is the change's
first setting, a second one its second; a setting can also be named. Two numbers with dots between are a
range. ``mixup`` and ``cutmix`` mix two images.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from chainrule.data.augmentation.mixing import Mix
from chainrule.data.augmentation.pipeline import CHANGES, MIXES, Augmentation
from chainrule.errors import UsageError, nearest

WORDS = "flip, crop 4, rotate 10"
KINDS: dict[str, Any] = {
    **{re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): kind for name, kind in CHANGES.items()},
    **{name.lower(): kind for name, kind in MIXES.items()},
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_SETTING = re.compile(rf"(?:(\w+)=)?({_NUMBER})(?:\.\.({_NUMBER}))?", re.IGNORECASE)


def augmentation_from_text(text: str, source: str = "--augment") -> Augmentation:
    """The augmentation that a few words describe.

    Args:
        text: parts separated by commas: ``flip``, ``crop 4``, ``color brightness=0.2``.
        source: where the text stands, for errors.

    Raises:
        UsageError E101: an unknown change or setting; the nearest is offered.
        UsageError E102: a setting out of its range.
        UsageError E356: a part that is no change with its settings.

    Example:
        >>> print(augmentation_from_text("flip, crop 4"))
        Augmentation(Flip(horizontal=0.5, vertical=0.0), Crop(padding=4, fill=0.0))
    """
    parts = [part.split() for part in re.split("[,，]", text)]
    made = [_made(words, f"{source}, part {i} of {len(parts)}") for i, words in enumerate(parts, 1)]
    mixes = tuple(one for one in made if isinstance(one, Mix))
    return Augmentation(*(one for one in made if not isinstance(one, Mix)), mix=mixes)


def _made(words: list[str], where: str) -> Any:
    """The change or mix that the words of one part describe."""
    kind = KINDS.get(words[0].casefold()) if words else None
    if words and kind is None and words[0].isidentifier():
        raise _unknown(where, words[0], list(KINDS))
    found = [_SETTING.fullmatch(word) for word in words[1:]]
    names = [field.name for field in fields(kind)] if kind else []
    bare = [one for one in found if one and not one[1]]
    if kind is None or None in found or len(bare) > len(names):
        raise UsageError(
            "E356", where=where, part=" ".join(words)[:80], expected=WORDS,
            received=" ".join(words)[:80] or "nothing between two commas",
            fix=f'"{words[0]} {fields(kind)[0].default}"' if kind else f'"{WORDS}"',
        )  # fmt: skip
    settings = {}
    for i, one in enumerate(one for one in found if one):
        name = one[1] or names[i]
        if name not in names:
            raise _unknown(where, name, names)
        settings[name] = _number(one[2]) if one[3] is None else (_number(one[2]), _number(one[3]))
    return kind(**settings)


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)


def _unknown(where: str, word: str, known: list[str]) -> UsageError:
    shown = word[:80]
    fix = f'"{nearest(shown, known) or known[0]}"'
    return UsageError("E101", where=where, name=shown, expected=", ".join(known), received=shown, fix=fix)
