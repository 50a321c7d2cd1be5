"""Formulas in plain words, English or Chinese: "1 divided by (1 plus e to the power of (minus x))".

A formula read out loses what its layout says, so two rules keep it unmistakable. What stands inside a phrase
("the logarithm of ...") is put in brackets unless it is one word or a phrase itself. And a phrase is open on
one side, in English towards the end ("the logarithm of x, times y?"), in Chinese towards the beginning; it is
put in brackets wherever something follows, or precedes, that it could swallow.

Letters are shown as signs; who knows what they stand for gives nouns ("the error signal δ₁"), and may name
whole parts ("the slope of the sigmoid").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chainrule.notation.normal_form import normal
from chainrule.notation.number_format import decimal
from chainrule.notation.precedence import Level, Notation, is_other_product, level
from chainrule.notation.printer import on_paper
from chainrule.notation.spoken_words import FUNCTION_PHRASES, LANGUAGES, PHRASES, SIGNS
from chainrule.notation.tree import (
    Apply,
    Big,
    Compare,
    Derivative,
    Element,
    Link,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Symbol,
    Tree,
    substitute,
)
from chainrule.notation.unicode import to_unicode
from chainrule.records import frozen

Namer = Callable[[Tree], "str | None"]

_POWERS = {Number(2): "squared", Number(3): "cubed", Symbol("T"): "transposed"}
_CHINESE = "一-鿿"  # the block of Chinese characters
_LETTER = rf"[^\s{_CHINESE}（），、。]"


def to_words(tree: Tree, lang: str = "en", digits: int | None = 6, namer: Namer | None = None) -> str:
    """A formula as it is read out.

    Args:
        tree: the formula.
        lang: ``"en"`` or ``"zh"``.
        digits: places after the point for numbers that were calculated; ``None`` for all.
        namer: gives the words for a part, such as a noun and the letter for a symbol; ``None`` for a part
            that has none.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> to_words(parse("dy * y * (1 - y)"))
        'dy times y times (1 minus y)'
        >>> to_words(parse("log(sum(k, exp(x[k])))"), "zh")
        'e 的 xₖ 次方对所有 k 求和的自然对数'
    """
    words = _Words(LANGUAGES.index(lang), digits, namer or _nameless)
    return spaced(words.write(normal(substitute(tree, on_paper))))


def spaced(text: str) -> str:
    """Chinese text with a space towards every letter, number and sign of another script, and none elsewhere.

    Example:
        >>> spaced("误差信号δ乘以 权重w")
        '误差信号 δ 乘以权重 w'
    """
    text = re.sub(rf"(?<=[{_CHINESE}）]) (?=[{_CHINESE}（])", "", text)
    return re.sub(rf"(?<=[{_CHINESE}])(?={_LETTER})|(?<={_LETTER})(?=[{_CHINESE}])", " ", text)


def _nameless(tree: Tree) -> None:
    return None


@frozen
class _Words:
    """A reader of formulas: 0 for English, 1 for Chinese; how many digits; words for parts."""

    language: int
    digits: int | None
    namer: Namer

    def write(self, tree: Tree, free: bool = True) -> str:
        """The words of a part without brackets around them; ``free`` if nothing stands on its open side."""
        named = self.namer(tree)
        if named is not None:
            return named
        match tree:
            case Number(value):
                return self._number(value)
            case Symbol() | Element():
                return to_unicode(tree, self.digits)
            case Link(_, inner):
                return self.write(inner, free)
            case Sum() | Product() | Negative() | Quotient() | Compare() | Apply("and" | "or", _):
                return self._infix(tree, free)
            case _:
                return self._phrase(tree)

    def _infix(self, tree: Tree, free: bool) -> str:
        match tree:
            case Sum(terms):
                parts = [t.inner if i and isinstance(t, Negative) else t for i, t in enumerate(terms)]
                signs = ["-" if isinstance(t, Negative) else "+" for t in terms[1:]]
                return self._joined(parts, signs, [Level.SUM, *[Level.QUOTIENT] * len(signs)], free)
            case Product(factors, kind):
                least = [Level.ATOM if is_other_product(f, kind) else Level.PRODUCT for f in factors]
                return self._joined(factors, [kind or "*"] * (len(factors) - 1), least, free)
            case Quotient(above, below):
                return self._joined((above, below), ["/"], [Level.PRODUCT, Level.POWER], free)
            case Negative(inner):
                return self._sign("negative") + self._beside(
                    inner, Level.QUOTIENT, free and not self.language
                )
            case Compare(sign, left, right):
                return self._joined((left, right), [sign], [Level.SUM, Level.SUM], free)
            case _:
                assert isinstance(tree, Apply)
                mine = Level[tree.function.upper()]
                return self._joined(tree.arguments, [tree.function], [mine, Level(mine + 1)], free)

    def _joined(self, parts: Sequence[Tree], signs: Sequence[str], least: Sequence[Level], free: bool) -> str:
        outer = 0 if self.language else len(parts) - 1  # the part whose open side is that of the whole
        texts = [self._beside(part, least[i], free and i == outer) for i, part in enumerate(parts)]
        return texts[0] + "".join(self._sign(s) + text for s, text in zip(signs, texts[1:], strict=True))

    def _beside(self, tree: Tree, least: Level, free: bool) -> str:
        """A part beside a sign, in brackets where a phrase would swallow what stands on its open side."""
        if self._is_phrase(tree):
            bare = free and not _is_list(tree)
        else:
            bare = self.namer(tree) is not None or level(tree, Notation.INLINE) >= least
        return self.write(tree, free) if bare else self._bracket(self.write(tree))

    def _phrase(self, tree: Tree) -> str:
        match tree:
            case Power(base, exponent) if exponent in _POWERS:
                return self._filled(PHRASES[_POWERS[exponent]], (base,))
            case Power(base, exponent):
                return self._filled(PHRASES["power"], (base, exponent))
            case Derivative(of, by):
                return self._filled(PHRASES["derivative"], (of, by))
            case Big(sign, index, inner):
                return self._filled(PHRASES[sign], (inner,), to_unicode(Symbol(index)))
            case Apply("max" | "min" as function, (_, _) as both):
                return self._filled(PHRASES[f"{function} of two"], both)
            case Apply(function, arguments):
                return self._filled(FUNCTION_PHRASES[function], arguments)
            case _:
                raise TypeError(f"{tree!r} is no formula")

    def _filled(self, phrase: tuple[str, str], parts: Sequence[Tree], index: str = "") -> str:
        texts = [self._inside(part, free=phrase is FUNCTION_PHRASES["where"]) for part in parts]
        listed = self._sign(",").join(texts[:-1]) + self._sign("with") + texts[-1]
        return phrase[self.language].format(*texts, index=index, all=listed)

    def _inside(self, tree: Tree, free: bool) -> str:
        """A part within a phrase: a word or a phrase stands alone, all else in brackets, unless the phrase
        fences its parts by itself."""
        text = self.write(tree)
        alone = self.namer(tree) is not None or _is_word(tree) or self._is_phrase(tree)
        return text if (free or alone) and not _is_list(tree) else self._bracket(text)

    def _is_phrase(self, tree: Tree) -> bool:
        match tree:
            case Link(_, inner):
                return self.namer(tree) is None and self._is_phrase(inner)
            case Apply(function, _):
                return function not in ("and", "or")
            case Power(_, exponent):
                return exponent not in _POWERS
            case Number(value):
                return decimal(value, self.digits)[1] is not None
            case _:
                return isinstance(tree, Big | Derivative)

    def _number(self, value: float | int) -> str:
        text, exponent = decimal(value, self.digits)
        if exponent is None:
            return PHRASES[text][self.language] if text in PHRASES else text
        return PHRASES["scientific"][self.language].format(text, self.write(normal(Number(exponent))))

    def _sign(self, sign: str) -> str:
        return SIGNS[sign][self.language]

    def _bracket(self, text: str) -> str:
        return self._sign("(") + text + self._sign(")")


def _is_word(tree: Tree) -> bool:
    match tree:
        case Link(_, inner):
            return _is_word(inner)
        case Power(_, exponent):
            return exponent in _POWERS
        case _:
            return isinstance(tree, Number | Symbol | Element)


def _is_list(tree: Tree) -> bool:
    return isinstance(tree, Apply) and tree.function in ("where", "max", "min")
