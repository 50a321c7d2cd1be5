"""Suggestions for a value passed in place of a name.

A name may be misspelled (``"rleu"``), belong to another library (``"glorot_uniform"``), or be passed as an
object: the function ``cr.relu``, the class ``cr.Adam``, or an object of another library. ``suggest`` returns
the name that was probably intended, if there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from chainrule.errors.exceptions import nearest
from chainrule.messages import fact

PACKAGE = __name__.partition(".")[0]
MAX_LENGTH = 80  # characters of a value in a message
_SUFFIXES = ("loss", "layer", "function")  # nn.CrossEntropyLoss is cross_entropy in chainrule
_SYNONYMS: Mapping[str, tuple[str, ...]] = {  # values in other libraries, each with those of chainrule
    word: tuple(own.split(","))
    for word, own in (
        pair.split("=")
        for pair in """
            bilinear=linear trilinear=linear bicubic=cubic area=nearest concat=concatenate cat=concatenate
            add=sum mul=product,multiply multiply=product ave=mean,average avg=mean,average average=mean
            zeros=constant zero=constant edge=replicate wrap=circular l1=manhattan,mae l2=euclidean,mse
            cosineannealing=cosine glorotuniform=xavier xavieruniform=xavier glorotnormal=xavier_normal
            heuniform=he kaiminguniform=he kaimingnormal=he_normal lecununiform=lecun randomnormal=normal
            randomuniform=uniform acc=accuracy auc=roc_auc auroc=roc_auc f1score=f1 r2score=r2
            sparsecategoricalaccuracy=accuracy categoricalaccuracy=accuracy binaryaccuracy=accuracy
            meansquarederror=mse meanabsoluteerror=mae rootmeansquarederror=rmse matthewscorrcoef=mcc
            averageprecision=pr_auc l1loss=mae bce=binary_cross_entropy
            bcewithlogits=binary_cross_entropy categoricalcrossentropy=cross_entropy
            sparsecategoricalcrossentropy=cross_entropy ce=cross_entropy swish=silu hardtanh=hard_tanh
            none=linear
        """.split()
    )
}


def suggest(
    value: object, known: Iterable[str], pattern: str = "{}", aliases: Mapping[str, str] | None = None
) -> str:
    """Return the code that was probably intended, or ``""`` if there is no close name.

    Args:
        value: the value passed in place of a name.
        known: the valid names.
        pattern: the code with ``{}`` for the name, such as ``'activation="{}"'``.
        aliases: names of other libraries, each with the name in chainrule.

    Example:
        >>> suggest("glorot_uniform", ["xavier", "uniform"], '"{}"', {"glorot_uniform": "xavier"})
        '"xavier"'
        >>> suggest(len, ["lens"], 'activation="{}"'), suggest(3.5, ["relu"])
        ('activation="lens"', '')
    """
    if (call := _call_of(value)) and '"{}"' in pattern:
        return pattern.replace('"{}"', call)
    names = list(known)
    close = _named(name_of(value), names, aliases or {})
    return pattern.replace("{}", close) if close else ""


def name_of(value: object) -> str:
    """Return a value's name: a str itself, ``__name__`` of a function or class, the class of an object.

    Example:
        >>> name_of("relu"), name_of(len), name_of(dict), name_of({})
        ('relu', 'len', 'dict', '')
    """
    kind = type(value)
    return value if isinstance(value, str) else getattr(value, "__name__", kind.__name__ * _is_object(kind))


def _is_object(kind: type) -> bool:
    """Return whether the class of a value identifies it, unlike the class of a number or list."""
    return kind.__module__.partition(".")[0] not in ("builtins", "numpy")


def short_repr(value: object) -> str:
    """Return a value for a message: functions and classes by name, with ``cr.``; others by their repr.

    Example:
        >>> short_repr("relu"), short_repr(len)
        ("'relu'", 'len')
    """
    if isinstance(value, int) and value.bit_length() > 256:
        return fact("a very long integer")  # Python refuses to print one of 5,000 digits
    if not callable(value) or not (name := getattr(value, "__name__", "")) or not name.isidentifier():
        return repr(value)[:MAX_LENGTH]
    return f"cr.{name}" if _is_own(value) else name


def _is_own(value: object) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] == PACKAGE


def _named(name: str, known: list[str], aliases: Mapping[str, str]) -> str:
    """Return the known name for a name: by normalized spelling, alias, synonym, or closest spelling."""
    folded = {_folded(own): own for own in reversed(known)}
    others = {_folded(other): own for other, own in aliases.items()}
    for word in dict.fromkeys((_folded(name), *(_folded(name).removesuffix(end) for end in _SUFFIXES))):
        if word in folded or word in others:
            return folded.get(word) or others[word]
        if synonym := next((own for own in _SYNONYMS.get(word, ()) if own in known), ""):
            return synonym
    return nearest(name, known) if name else ""


def _folded(name: str) -> str:
    """Normalize a name: no case, no separators; ``CrossEntropy`` equals ``cross_entropy``."""
    return re.sub(r"[\s_-]", "", name.casefold())


def _call_of(value: Any) -> str:
    """Return the call that creates an object of a class, as ``cr.Adam()``; ``""`` if it needs arguments."""
    if not isinstance(value, type) or not _is_own(value) or not is_dataclass(value):
        return ""
    needed = [f for f in fields(value) if f.init and f.default is MISSING and f.default_factory is MISSING]
    return "" if needed else f"cr.{value.__name__}()"
