"""Parse a network from a short text: the mini language of ``--net``.

    64 relu, dropout 0.2, 32 tanh, 8 x*sigmoid(2*x)

Parts are separated by commas. A number is a ``Dense`` layer with this number of units, followed by its
activation: a name, or a formula of ``x``. Full-width signs and digits are read like those of ASCII.
``dropout`` and a number between 0 and 1 is a ``Dropout`` layer.
The output layer is omitted: its size follows from the target. An empty text is a linear model.

Images and sequences:

    reshape 8 8 1, conv 6 5 tanh, pool 2, conv 16 3 tanh, pool 2, flatten, 120 tanh, 84 tanh
    reshape 8 8, 16, position 8, encoder 2, mean

``conv`` has channels, kernel size and activation, ``pool`` the side of the mean, ``encoder`` (a block of a
Transformer) the number of heads; ``position`` adds a learned vector to each
of that many positions, ``mean`` is that over the sequence.
"""

from __future__ import annotations

import re

from chainrule.errors import UsageError, fact, nearest
from chainrule.nn.activation import ACTIVATIONS
from chainrule.nn.activation.layer import FormulaActivation
from chainrule.nn.blocks.transformer import TransformerEncoderLayer
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Flatten, Reshape, Sequential
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.pooling import AveragePool
from chainrule.nn.layers.position_encoding import LearnedPosition
from chainrule.nn.layers.sequence_pool import SequencePool

WORDS = "64 relu, dropout 0.2, 32 tanh"
SHAPED_WORDS = "reshape 8 8 1, conv 6 5 relu, pool 2, flatten, position 8, encoder 2, mean"
MAX_LAYERS = 1_000  # more would take minutes to build
_MAX_UNITS = 1_000_000  # units of one layer: more is probably a typo
_MAX_SIDE = 999_999  # of a kernel, a pool or a sequence
_FORMULA = re.compile(r"(?=.*\bx\b)(?=.*[-+*/^(<>])")  # an activation as a formula of x
SHAPED = {  # words of images and sequences, with the smallest and the largest count of their numbers
    "reshape": (1, 3),
    "conv": (2, 2),
    "pool": (1, 1),
    "flatten": (0, 0),
    "position": (1, 1),
    "encoder": (1, 1),
    "mean": (0, 0),
}
LAYERS = {  # names of layers in programs, with the word for each
    "dense": "dense",
    "linear": "dense",
    "conv2d": "conv",
    "averagepool": "pool",
    "maxpool2d": "pool",
    "learnedposition": "position",
    "transformerencoderlayer": "encoder",
    "sequencepool": "mean",
}
LIKENESS = 0.7  # least likeness of a word to one that is suggested
_ASCII = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: " ", 0x3001: ","}  # of East Asian keyboards
_TOKEN = re.compile(r"x(?=\d)|[^\W\d]\w*|\d+\.?\d*")  # of a part without the right separators
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def net_from_text(
    text: str, outputs: int | None = None, activation: str | None = None, source: str = "--net"
) -> Sequential:
    """Parse the text of a network.

    Args:
        text: parts separated by commas: ``64 relu``, ``64``, ``8 x*sigmoid(x)``, ``dropout 0.2``.
        outputs: the size of the output layer, which is appended; ``None`` appends none.
        activation: the activation of the output layer; losses on logits expect none.
        source: origin of the text, for errors.

    Raises:
        UsageError E101: an unknown word; the error suggests the closest one, with the corrected text.
        UsageError E102: an invalid number of units or formula, a rate outside 0 <= rate < 1, or too many
            layers.
        UsageError E117: a part that is neither form.

    Example:
        >>> print(net_from_text("64 relu, dropout 0.2", outputs=3))
        Sequential(
          dense1: Dense(64, activation='relu')
          dropout1: Dropout(rate=0.2)
          dense2: Dense(3)
        )
    """
    parts = [" ".join(part.split()) for part in _separated(text.translate(_ASCII))]
    if len(parts) > MAX_LAYERS:
        raise _range(
            source, fact("the number of layers"), f"<= {MAX_LAYERS}", str(len(parts)), fact("fewer layers")
        )
    layers = [_part(parts, i, source) for i in range(len(parts))] if text.strip() else []
    if outputs is not None:
        layers.append(Dense(outputs, activation))
    return Sequential(*layers)


def _separated(text: str) -> list[str]:
    """Return the parts of a text between commas that are outside brackets.

    Example:
        >>> _separated("8 max(0, min(x, 1)), 4")
        ['8 max(0, min(x, 1))', ' 4']
    """
    parts, depth = [""], 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _part(parts: list[str], i: int, source: str) -> Layer:
    words = parts[i].split(" ")
    where = fact(
        '{source}, part {number} of {total} ("{text}")',
        source=source,
        number=i + 1,
        total=len(parts),
        text=parts[i][:40],
    )
    first, *rest = words
    if first.casefold() == "dropout" and len(rest) == 1 and _NUMBER.fullmatch(rest[0]):
        return _dropout(parts, i, rest[0], where)
    if first.casefold() in SHAPED:
        return _shaped(parts, i, where)
    is_formula = bool(rest) and _FORMULA.search(" ".join(rest)) is not None
    if _NUMBER.fullmatch(first) and (len(rest) <= 1 or is_formula):
        if not _is_count(first, _MAX_UNITS):
            fix = _corrected(parts, i, _repaired(" ".join(["64", *rest])))
            raise _range(
                where,
                fact("the number of units"),
                fact("an integer, 1 to {max_units}", max_units=_MAX_UNITS),
                first,
                fix,
            )
        if is_formula:
            return Dense(int(first), _formula(parts, i, " ".join(rest), where))
        return Dense(int(first), _activation(parts, i, rest[0], where) if rest else None)
    if len(words) == 2 and _NUMBER.fullmatch(rest[0]) and nearest(first, ["dropout"]):
        raise _word(where, first, ["dropout"], _corrected(parts, i, _repaired(f"dropout {rest[0]}")))
    received = parts[i][:80] or fact("nothing between two commas")
    fix, expected = _corrected(parts, i, _guess(words)), f"{WORDS}, {SHAPED_WORDS}"
    raise UsageError("E117", where=where, part=parts[i][:80], expected=expected, received=received, fix=fix)


def _dropout(parts: list[str], i: int, rate: str, where: str) -> Dropout:
    """Return a layer of dropout, whose rate is below 1."""
    if not 0 <= float(rate) < 1:
        fix = _corrected(parts, i, "dropout 0.2")
        raise _range(where, fact("the chance of dropout"), "0 <= chance < 1", rate, fix)
    return Dropout(float(rate))


def _shaped(parts: list[str], i: int, where: str) -> Layer:
    """Return a layer of images or sequences."""
    word, *rest = parts[i].casefold().split(" ")
    last = rest.pop() if word == "conv" and len(rest) == 3 else ""
    low, high = SHAPED[word]
    numbers = [int(text) for text in rest if _is_count(text, _MAX_SIDE)]
    if not low <= len(rest) <= high or len(numbers) != len(rest):
        fix = _corrected(parts, i, _example(word))
        received = parts[i][:80]
        raise UsageError(
            "E117", where=where, part=received, expected=SHAPED_WORDS, received=received, fix=fix
        )
    if word == "conv":
        activation = _activation(parts, i, last, where) if last else None
        return Conv(numbers[0], numbers[1], padding="same", activation=activation)
    if word == "reshape":
        return Reshape(tuple(numbers))
    if word in ("flatten", "mean"):
        return Flatten() if word == "flatten" else SequencePool()
    layers = {"pool": AveragePool, "encoder": TransformerEncoderLayer, "position": LearnedPosition}
    return layers[word](numbers[0])


def _guess(words: list[str]) -> str:
    """Return a correction: the closest word, another order, or a comma between parts."""
    if words == [""]:
        return ""
    if words[0].lstrip("([")[:1].isdecimal():
        return _separate(" ".join(words))
    first, *numbers = re.findall(r"[^\s(),]+", " ".join(words)) or [""]
    known = {**dict.fromkeys(ACTIVATIONS, ""), **LAYERS, **{word: word for word in (*SHAPED, "dropout")}}
    word = nearest(first, known, LIKENESS)
    units = numbers[0] if numbers and _is_count(numbers[0], _MAX_UNITS) else "64"
    if not known.get(word):
        activation = word or next((nearest(name, ACTIVATIONS, LIKENESS) for name in numbers), "")
        return f"{units} {activation or 'relu'}"
    if known[word] == "dense":
        return units
    if known[word] == "dropout":
        return f"dropout {next((n for n in numbers if _NUMBER.fullmatch(n) and 0 <= float(n) < 1), '0.2')}"
    low, high = SHAPED[known[word]]
    is_complete = low <= len(numbers) <= high and all(_is_count(number, _MAX_SIDE) for number in numbers)
    return " ".join([known[word], *numbers]) if is_complete else _example(known[word])


def _separate(text: str) -> str:
    """Return a part with commas where layers begin.

    Example:
        >>> _separate("64x64 relu dropout 0.3; 8")
        '64, 64 relu, dropout 0.3, 8'
    """
    numbers = {"dropout": 1} | {word: high for word, (_, high) in SHAPED.items()}
    parts: list[str] = []
    for token in _TOKEN.findall(text):
        words = parts[-1].split() if parts else [""]
        if token[0].isdecimal():
            follows, word = len(words) <= numbers.get(words[0], 0), token
        else:
            word = nearest(token, [*ACTIVATIONS, *numbers], LIKENESS) or ""
            follows = word in ACTIVATIONS and words[-1][-1:].isdecimal()
        if follows:
            parts[-1] += f" {word}"
        elif word and word not in ACTIVATIONS:
            parts.append(word)
    return ", ".join(map(_repaired, parts))


def _is_count(text: str, high: int) -> bool:
    """Return whether a text is an integer from 1 on."""
    return text.isdecimal() and len(text) < 10 and 1 <= int(text) <= high


def _example(word: str) -> str:
    """Return a part that begins with a word."""
    return next(part for part in (WORDS + ", " + SHAPED_WORDS).split(", ") if part.startswith(word))


def _activation(parts: list[str], i: int, word: str, where: str) -> str:
    """Return the activation of a word, ignoring case."""
    if word.casefold() in ACTIVATIONS:
        return word.casefold()
    close = nearest(word[:80], ACTIVATIONS) or "relu"
    before = parts[i].rpartition(" ")[0]
    raise _word(where, word, list(ACTIVATIONS), _corrected(parts, i, f"{before} {close}"))


def _formula(parts: list[str], i: int, text: str, where: str) -> FormulaActivation:
    """Return the activation of a formula of x."""
    try:
        return FormulaActivation(text)
    except UsageError as error:
        fix = _corrected(parts, i, f"{parts[i].split(' ')[0]} x*sigmoid(x)")
        name = fact("the activation")
        raise UsageError(
            "E102", where=where, name=name, expected=error.expected, received=text[:80], fix=fix
        ) from error


def _corrected(parts: list[str], i: int, part: str) -> str:
    """Return the complete text with one part replaced and the others repaired; empty parts are omitted.

    An activation after a comma belongs to the units before it.
    """
    changed: list[str] = []
    for j, other in enumerate(parts):
        text, name = part if j == i else _repaired(other), re.sub(r"\W", "", other).casefold()
        if name in ACTIVATIONS and changed and changed[-1].isdecimal():
            changed[-1] += f" {name}"
        elif text:
            changed.append(text)
    return f'"{", ".join(changed)}"'


def _repaired(part: str) -> str:
    """Return a part, or its correction if it has a mistake."""
    try:
        _part([part], 0, "")
    except UsageError as error:
        return error.fix.strip('"')
    return part


def _range(where: str, name: str, expected: str, received: str, fix: str) -> UsageError:
    return UsageError("E102", where=where, name=name, expected=expected, received=received[:80], fix=fix)


def _word(where: str, word: str, known: list[str], fix: str) -> UsageError:
    clipped = word[:80]
    return UsageError("E101", where=where, name=clipped, expected=", ".join(known), received=clipped, fix=fix)
