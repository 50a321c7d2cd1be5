"""What every letter of an explanation means, said before it is used."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive.writer import Pen
from chainrule.notation import Symbol, to_unicode
from chainrule.texts.symbols import NOUNS
from chainrule.trace import Name

ALWAYS = {"x", "w", "b", "z", "a", "y", "y_hat", "J", "delta"}
# Sentences that say several letters at once, each if all of the second are there (any, of the last two).
TOGETHER = (
    ("letters_lstm", {"i", "f", "o"}, {"i", "f", "o", "m"}),
    ("letters_gru", {"r", "u"}, {"r", "u", "m"}),
    ("letters_attention", {"q", "k"}, {"q", "k", "v", "s"}),
)
EITHER = (("letters_norm", {"mu", "var"}), ("letters_scale", {"gamma", "beta"}))
OF_ROLE = {
    "parameter": "letters_parameter", "input": "letters_input", "slot": "letters_memory",
    "memory": "letters_memory", "hidden": "letters_hidden", "z": "letters_hidden", "a": "letters_hidden",
}  # fmt: skip


def letters(pen: Pen) -> Iterator[str]:
    """A sentence for each group of letters that this net's values have."""
    yield pen.say("letters")
    # Depth 1 shows nothing of what the optimizer keeps.
    unseen = ("slot", "memory") if pen.depth == 1 else ()
    names = [n for n in pen.trace.names.values() if n.letter and n.role not in unseen]
    found = {letter_of(name) for name in names}
    said = set(ALWAYS)
    if any("t=" in name.layer for name in names):
        yield pen.say("letters_time")
        said |= {"h", "c"}
    if any("u=" in name.layer for name in names):
        yield pen.say("letters_calls")
    for key, needed, own in TOGETHER:
        if needed <= found:
            yield pen.say(key)
            said |= own
    for key, own in EITHER:
        if own & found:
            yield pen.say(key)
            said |= own
    if any(name.letter == "h" and "t=" not in name.layer for name in names):
        yield pen.say("letters_between")
        said |= {"h"}
    if pen.depth > 1:
        yield pen.say("letters_rate")
    said |= {"eta", "t"}
    yield from _others(pen, [name for name in names if letter_of(name) not in said])


def _others(pen: Pen, names: list[Name]) -> Iterator[str]:
    """What the letters mean that no sentence of their own says: by a noun, or by what they are."""
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        letter = letter_of(name)
        text = to_unicode(Symbol(name.letter, accent=name.accent))
        if letter in NOUNS:
            noun = NOUNS[letter][pen.lang == "zh"]
            groups.setdefault(pen.say("letters_noun", letter=text, noun=noun), {})
        else:
            groups.setdefault(OF_ROLE.get(name.role, "letters_hidden"), {})[text] = None
    for key, own in groups.items():
        yield pen.say(key, letters=pen.join(own)) if own else key


def letter_of(name: Name) -> str:
    """The letter of a name with its accent, as the tables of words call it."""
    return f"{name.letter}_{name.accent}" if name.accent else name.letter
