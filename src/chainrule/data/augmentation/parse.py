"""Parse the text form of an augmentation, as ``--augment`` takes it.

    flip, crop 4, rotate 10, color brightness=0.2 contrast=0.2, affine scale=0.8..1.2

Parts are separated by commas; each is a transform, applied in this order. Unnamed numbers set its arguments
in order; arguments can also be named. ``low..high`` is a range. ``mixup`` and ``cutmix`` mix two images.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from chainrule.data.augmentation.erasing_and_mixing import Mix
from chainrule.data.augmentation.pipeline import MIXES, TRANSFORMS, Augmentation
from chainrule.errors import Message, UsageError, fact, nearest

WORDS = "flip, crop 4, rotate 10"
KINDS: dict[str, Any] = {
    **{re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): kind for name, kind in TRANSFORMS.items()},
    **{name.lower(): kind for name, kind in MIXES.items()},
}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_SETTING = re.compile(rf"(?:(\w+)=)?({_NUMBER})(?:\.\.({_NUMBER}))?", re.IGNORECASE)


def augmentation_from_text(text: str, source: str = "--augment") -> Augmentation:
    """Parse an augmentation.

    Args:
        text: parts separated by commas: ``flip``, ``crop 4``, ``color brightness=0.2``.
        source: name of the text in error messages.

    Raises:
        UsageError E101: an unknown transform or argument; the error suggests the closest name.
        UsageError E102: an argument out of range.
        UsageError E356: a part that is not a transform with its arguments.

    Example:
        >>> print(augmentation_from_text("flip, crop 4"))
        Augmentation(Flip(horizontal=0.5, vertical=0.0), Crop(padding=4, fill=0.0))
    """
    parts = [part.split() for part in re.split("[,，]", text)]
    steps = [_step(words, _part(source, i, len(parts))) for i, words in enumerate(parts, 1)]
    mixes = tuple(step for step in steps if isinstance(step, Mix))
    return Augmentation(*(step for step in steps if not isinstance(step, Mix)), mix=mixes)


def _part(source: str, number: int, total: int) -> Message:
    """Return the name of a part in errors."""
    return fact("{source}, part {number} of {total}", source=source, number=number, total=total)


def _step(words: list[str], where: str) -> Any:
    """Return the transform or mix that one part describes."""
    kind = KINDS.get(words[0].casefold()) if words else None
    if words and kind is None and words[0].isidentifier():
        raise _unknown(where, words[0], list(KINDS))
    matches = [_SETTING.fullmatch(word) for word in words[1:]]
    names = [field.name for field in fields(kind)] if kind else []
    unnamed = [match for match in matches if match and not match[1]]
    if kind is None or None in matches or len(unnamed) > len(names):
        part = " ".join(words)[:80]
        received = " ".join(words)[:80] or fact("nothing between two commas")
        fix = f'"{words[0]} {fields(kind)[0].default}"' if kind else f'"{WORDS}"'
        raise UsageError("E356", where=where, part=part, expected=WORDS, received=received, fix=fix)
    settings = {}
    for i, match in enumerate(match for match in matches if match):
        name = match[1] or names[i]
        if name not in names:
            raise _unknown(where, name, names)
        settings[name] = _number(match[2]) if match[3] is None else (_number(match[2]), _number(match[3]))
    return kind(**settings)


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)


def _unknown(where: str, word: str, known: list[str]) -> UsageError:
    received = word[:80]
    fix = f'"{nearest(received, known) or known[0]}"'
    return UsageError(
        "E101", where=where, name=received, expected=", ".join(known), received=received, fix=fix
    )
