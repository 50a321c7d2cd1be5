"""Texts of a table as operations of ONNX (version 20): which terms a text contains, and its length.

ONNX cannot take a text apart into words, but ``RegexFullMatch`` states whether a whole text matches a regular
expression. A word is in a text if the text is

    anything that a word does not continue, the word, anything that does not continue the word

The word ``blue`` is in "Don't, Blue!" but not in "blues" or "blue's": an apostrophe with letters continues a
word (``WORD`` of the encoder). The number of characters follows from its remainders: ``(?:.{7})*.{3}``
matches texts whose length has the remainder 3 by 7, and the remainders by 5, 7, 8, 9, 11, 13 and 17 determine
every length below ``LONGEST`` (Chinese remainder theorem). Each bit of a remainder is an expression of at
most 17 characters, which a runtime matches in one pass.

Rejected: lengths by thresholds or by powers of two, whose expressions repeat thousands of characters: RE2
runs out of memory, and evaluators that backtrack do not end.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from chainrule.data.tables.encoders.texts import MAX_CHARACTERS
from chainrule.interop.onnx.export.graph import TYPES, OnnxGraph

MODULI = (5, 7, 8, 9, 11, 13, 17)
LONGEST = math.prod(MODULI)  # 6,126,120 characters
_MARKS = "'’"  # what joins letters to a word
_BLOCK = 256  # characters whose categories are stated together
_COMMON = (0, 1, 2, 3, *range(0x20, 0x2C), 0x30)  # blocks of Latin letters, punctuation and symbols
_LAST = 0x110000


def term_weights(graph: OnnxGraph, encoding: Any, x: str) -> str:
    """Return the weights of the terms that a text contains, float64 (B, T).

    Args:
        graph: the graph that is written.
        encoding: the encoder of the column.
        x: the name of the texts, in the form NFKC, (B, 1).
    """
    write = word_pattern if encoding.words else sequence_pattern
    blocks = _blocks(encoding.terms)
    patterns = [write(term, blocks) for term in encoding.terms]
    weights = np.log((1 + encoding.total) / (1 + np.array(encoding.counts, np.float64))) + 1
    values = graph.add("Mul", _matches(graph, x, patterns, "float64"), graph.constant(weights))
    squares = graph.add("ReduceSum", graph.add("Mul", values, values), graph.integers(1), keepdims=1)
    is_zero = graph.add("Equal", squares, graph.constant(0.0, np.float64))
    norm = graph.add("Sqrt", graph.add("Where", is_zero, graph.constant(1.0, np.float64), squares))
    return graph.add("Div", values, norm)


def log_length(graph: OnnxGraph, x: str) -> str:
    """Return log(1 + characters), float64 (B, 1)."""
    length = graph.add("Cast", _length(graph, x), to=TYPES["float64"])
    return graph.add("Log", graph.add("Add", length, graph.constant(1.0, np.float64)))


def _matches(graph: OnnxGraph, x: str, patterns: Iterable[str], dtype: str) -> str:
    """Return whether a text matches each pattern, as numbers (B, P)."""
    flags = [graph.add("RegexFullMatch", x, pattern=pattern) for pattern in patterns]
    return graph.add("Cast", graph.add("Concat", *flags, axis=-1), to=TYPES[dtype])


def _length(graph: OnnxGraph, x: str) -> str:
    """Return the number of characters, int64 (B, 1)."""
    patterns, places = [], []
    for modulus in MODULI:
        others = LONGEST // modulus
        unit = others * pow(others, -1, modulus)  # has the remainder 1 by this modulus, 0 by the others
        for bit in range((modulus - 1).bit_length()):
            rests = [rest for rest in range(modulus) if rest >> bit & 1]
            ends = "|".join(f".{{{rest}}}" for rest in rests)
            patterns.append(f"(?s)(?:.{{{modulus}}})*(?:{ends})")
            places.append(unit * 2**bit % LONGEST)
    bits = _matches(graph, x, patterns, "int64")
    sums = graph.add(
        "ReduceSum", graph.add("Mul", bits, graph.constant(places, np.int64)), graph.integers(1), keepdims=1
    )
    return graph.add("Mod", sums, graph.constant(LONGEST, np.int64))


def sequence_pattern(term: str, blocks: frozenset[int]) -> str:
    """Return the expression for texts whose first characters contain a sequence of characters.

    Args:
        term: the sequence.
        blocks: not used, since sequences have no categories.

    Example:
        >>> sequence_pattern("C(", frozenset())
        '(?s).{0,198}C\\\\(.*'
    """
    return f"(?s).{{0,{MAX_CHARACTERS - len(term)}}}{re.escape(term)}.*"


def word_pattern(term: str, blocks: frozenset[int]) -> str:
    """Return the expression for texts that contain a word.

    Args:
        term: the word, in lower case.
        blocks: the blocks of 256 characters whose categories are distinguished.

    Example:
        >>> pattern = re.compile(word_pattern("blue", _blocks(["blue"])))
        >>> [bool(pattern.fullmatch(text)) for text in ("Blue.", "Don't, BLUE!", "blues", "blue's", "x'blue")]
        [True, True, False, False, False]
    """
    letters, others = _class("L", blocks), _class("MN", blocks)
    words, joint = letters + others, f"[{_MARKS}]"
    if unicodedata.category(term[0])[0] == "L":
        start = f"(?:(?:.*[^{words}{_MARKS}])?{joint}?|.*{joint}{joint})"
    else:  # a digit or mark begins a word of its own after letters that an apostrophe joins
        start = f"(?:(?:.*[^{words}])?|.*[{words}]{joint}[{letters}]+)"
    after = letters if set(term) & set(_MARKS) else words
    end = f"(?:[^{after}{_MARKS}].*|{joint}(?:[^{letters}].*)?)?"
    return f"(?s){start}(?i:{re.escape(term)}){end}"


def _blocks(terms: Iterable[str]) -> frozenset[int]:
    """Return the blocks of characters that terms contain, and common ones.

    Characters of other blocks count as letters, so that an expression has 200 ranges less.
    """
    return frozenset({*_COMMON, *(ord(character) // _BLOCK for term in terms for character in term)})


@cache
def _class(kinds: str, blocks: frozenset[int]) -> str:
    """Return the ranges of the characters whose category begins with one of the letters ``kinds``.

    Args:
        kinds: first letters of categories of Unicode: L letters, M marks, N numbers.
        blocks: the blocks whose categories count; all characters of other blocks are letters.
    """
    ranges: list[list[int]] = []
    place = 0
    while place < _LAST:
        is_known = place // _BLOCK in blocks
        step = 1 if is_known else _BLOCK
        is_inside = unicodedata.category(chr(place))[0] in kinds if is_known else "L" in kinds
        is_inside = is_inside and not 0xD800 <= place < 0xE000  # surrogates are no characters
        if is_inside and ranges and ranges[-1][1] == place - 1:
            ranges[-1][1] = place + step - 1
        elif is_inside:
            ranges.append([place, place + step - 1])
        place += step
    return "".join(chr(a) if a == b else f"{chr(a)}-{chr(b)}" for a, b in ranges)
