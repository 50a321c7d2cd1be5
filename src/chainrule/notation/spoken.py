"""Print formulas in words, English or Chinese: "1 divided by (1 plus e to the power of (minus x))".

Read aloud, a formula loses the structure of its layout; two rules keep it unambiguous. A part inside a phrase
("the logarithm of ...") is put in brackets unless it is one word or itself a phrase. A phrase is open on one
side, in English at the end ("the logarithm of x, times y?"), in Chinese at the beginning; it is put in
brackets wherever text on that side could be read as a part of it.

Letters are printed as symbols; a caller that has names for them passes nouns ("the error signal δ₁"), and may
name larger parts ("the slope of the sigmoid").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chainrule.messages import Texts, translated
from chainrule.notation.number_format import decimal
from chainrule.notation.printer import Level, Notation, is_other_product, level, on_paper
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
    normal,
    substitute,
)
from chainrule.notation.unicode import to_unicode
from chainrule.records import frozen

# The words for formulas read aloud.
#
# Operators are written between or before their parts; all others are phrases with a place for each part.

SIGNS: Texts = {
    "+": " plus ",
    "-": " minus ",
    "negative": "minus ",
    "*": " times ",
    "elements": " times, element by element, ",
    "matrix": " times the matrix ",
    "/": " divided by ",
    "and": " and ",
    "or": " or ",
    "<": " is less than ",
    "<=": " is at most ",
    "==": " equals ",
    "!=": " differs from ",
    ">=": " is at least ",
    ">": " is greater than ",
    "(": "(",
    ")": ")",
    ",": ", ",
    "with": " and ",
}

FUNCTION_PHRASES: Texts = {
    "exp": "e to the power of {0}",
    "log": "the logarithm of {0}",
    "sqrt": "the square root of {0}",
    "abs": "the absolute value of {0}",
    "floor": "the largest integer up to {0}",
    "sign": "the sign of {0}",
    "sin": "the sine of {0}",
    "cos": "the cosine of {0}",
    "tanh": "the hyperbolic tangent of {0}",
    "sigmoid": "the sigmoid of {0}",
    "relu": "the ReLU of {0}",
    "softplus": "the softplus of {0}",
    "erf": "the error function of {0}",
    "isnan": "{0} is not a number",
    "max": "the largest of {all}",
    "min": "the smallest of {all}",
    "where": "{1} if {0}, else {2}",
    "not": "{0} does not hold",
}
"""A phrase for each function of ``FUNCTIONS`` that is neither an operator nor printed as another one."""

PHRASES: Texts = {
    "sum": "the sum over all {index} of {0}",
    "prod": "the product over all {index} of {0}",
    "max": "the largest over all {index} of {0}",
    "min": "the smallest over all {index} of {0}",
    "max of two": "the larger of {all}",
    "min of two": "the smaller of {all}",
    "derivative": "the derivative of {0} by {1}",
    "power": "{0} to the power of {1}",
    "squared": "{0} squared",
    "cubed": "{0} cubed",
    "transposed": "{0} transposed",
    "scientific": "{0} times 10 to the power of {1}",
    "inf": "infinity",
    "nan": "not a number",
}


Namer = Callable[[Tree], "str | None"]

_POWERS = {Number(2): "squared", Number(3): "cubed", Symbol("T"): "transposed"}
_CHINESE = "一-鿿"  # the block of Chinese characters
_LETTER = rf"[^\s{_CHINESE}（），、。]"


def to_words(tree: Tree, lang: str = "en", digits: int | None = 6, namer: Namer | None = None) -> str:
    """Return a formula in words.

    Args:
        tree: the formula.
        lang: ``"en"`` or ``"zh"``.
        digits: decimal places of computed numbers; ``None`` for all.
        namer: returns the words for a part, such as a noun and the letter for a symbol; ``None`` for a part
            without a name.

    Example:
        >>> from chainrule.notation.parse import parse
        >>> to_words(parse("dy * y * (1 - y)"))
        'dy times y times (1 minus y)'
        >>> to_words(parse("log(sum(k, exp(x[k])))"), "zh")
        'e 的 xₖ 次方对所有 k 求和的自然对数'
    """
    words = _Words(lang, digits, namer or _nameless)
    return spaced(words.write(normal(substitute(tree, on_paper))))


def spaced(text: str) -> str:
    """Add spaces between Chinese text and letters, digits or signs of other scripts; remove all others.

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
    """The format of formulas in words: the language, number of digits, words for parts."""

    lang: str
    digits: int | None
    namer: Namer

    def write(self, tree: Tree, free: bool = True) -> str:
        """Return the words of a part without brackets; ``free`` if no text follows on its open side."""
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
                return self._join(parts, signs, [Level.SUM, *[Level.QUOTIENT] * len(signs)], free)
            case Product(factors, kind):
                min_levels = [Level.ATOM if is_other_product(f, kind) else Level.PRODUCT for f in factors]
                return self._join(factors, [kind or "*"] * (len(factors) - 1), min_levels, free)
            case Quotient(above, below):
                return self._join((above, below), ["/"], [Level.PRODUCT, Level.POWER], free)
            case Negative(inner):
                return self._sign("negative") + self._beside(
                    inner, Level.QUOTIENT, free and self.lang == "en"
                )
            case Compare(sign, left, right):
                return self._join((left, right), [sign], [Level.SUM, Level.SUM], free)
            case _:
                assert isinstance(tree, Apply)
                own_level = Level[tree.function.upper()]
                return self._join(tree.arguments, [tree.function], [own_level, Level(own_level + 1)], free)

    def _join(
        self, parts: Sequence[Tree], signs: Sequence[str], min_levels: Sequence[Level], free: bool
    ) -> str:
        outer = len(parts) - 1 if self.lang == "en" else 0  # the part on the open side of the expression
        texts = [self._beside(part, min_levels[i], free and i == outer) for i, part in enumerate(parts)]
        return texts[0] + "".join(self._sign(s) + text for s, text in zip(signs, texts[1:], strict=True))

    def _beside(self, tree: Tree, min_level: Level, free: bool) -> str:
        """Return a part next to an operator, in brackets if the text after it would seem a part of it."""
        if self._is_phrase(tree):
            bare = free and not _is_list(tree)
        else:
            bare = self.namer(tree) is not None or level(tree, Notation.INLINE) >= min_level
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

    def _filled(self, phrase: str, parts: Sequence[Tree], index: str = "") -> str:
        texts = [self._inside(part, free=phrase is FUNCTION_PHRASES["where"]) for part in parts]
        listed = self._sign(",").join(texts[:-1]) + self._sign("with") + texts[-1]
        return translated(phrase, self.lang).format(*texts, index=index, all=listed)

    def _inside(self, tree: Tree, free: bool) -> str:
        """Return a part within a phrase, in brackets unless it is a word or the phrase delimits it."""
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
            return translated(PHRASES[text], self.lang) if text in PHRASES else text
        return translated(PHRASES["scientific"], self.lang).format(text, self.write(normal(Number(exponent))))

    def _sign(self, sign: str) -> str:
        return translated(SIGNS[sign], self.lang, sign)

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
