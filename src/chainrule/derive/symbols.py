"""Notation of an explanation: the meaning of every symbol."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive.writer import Writer
from chainrule.notation import Symbol, to_unicode
from chainrule.texts.symbols import NOUNS
from chainrule.trace import Name

ALWAYS = {"x", "w", "b", "z", "a", "y", "y_hat", "J", "delta"}
# Sentences on several letters: (text key, letters that must all occur, letters that it explains).
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


def letters(writer: Writer) -> Iterator[str]:
    """Yield a sentence for each group of letters among the values of the network."""
    yield writer.render("letters")
    # Depth 1 does not show the optimizer state.
    unseen = ("slot", "memory") if writer.depth == 1 else ()
    names = [n for n in writer.trace.names.values() if n.letter and n.role not in unseen]
    present = {letter_of(name) for name in names}
    explained = set(ALWAYS)
    if any("t=" in name.layer for name in names):
        yield writer.render("letters_time")
        explained |= {"h", "c"}
    if any("u=" in name.layer for name in names):
        yield writer.render("letters_calls")
    for key, needed, explains in TOGETHER:
        if needed <= present:
            yield writer.render(key)
            explained |= explains
    for key, explains in EITHER:
        if explains & present:
            yield writer.render(key)
            explained |= explains
    if any(name.letter == "h" and "t=" not in name.layer for name in names):
        yield writer.render("letters_between")
        explained |= {"h"}
    if writer.depth > 1:
        yield writer.render("letters_rate")
    explained |= {"eta", "t"}
    yield from _others(writer, [name for name in names if letter_of(name) not in explained])


def _others(writer: Writer, names: list[Name]) -> Iterator[str]:
    """Yield the meaning of the remaining letters, by a noun or by their role."""
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        letter = letter_of(name)
        text = to_unicode(Symbol(name.letter, accent=name.accent))
        if letter in NOUNS:
            noun = NOUNS[letter][writer.lang == "zh"]
            groups.setdefault(writer.render("letters_noun", letter=text, noun=noun), {})
        else:
            groups.setdefault(OF_ROLE.get(name.role, "letters_hidden"), {})[text] = None
    for key, letters in groups.items():
        yield writer.render(key, letters=writer.join(letters)) if letters else key


def letter_of(name: Name) -> str:
    """Return the letter of a name with its accent, the key of ``NOUNS``."""
    return f"{name.letter}_{name.accent}" if name.accent else name.letter
