"""Building blocks on the screen: one with all that is known of it, or all of a kind with a line each."""

from __future__ import annotations

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import say
from chainrule.catalog import Block, Kind, Written, block, sampled, to_unicode, transcript
from chainrule.derive.braille_plot import plot, side_by_side
from chainrule.notation import to_unicode as tree_to_unicode
from chainrule.notation.text_columns import aligned
from chainrule.ops import Card
from chainrule.settings import settings
from chainrule.texts.constraints import in_chinese

_SECTIONS = ("Shapes", "Numerics", "Cost", "Raises")


def show_kind(kind: Kind) -> None:
    """All blocks of a kind, one line each."""
    zh = settings.lang == "zh"
    screen.line(f"{kind.chinese}：{kind.says[1]}" if zh else f"{kind.plural}: {kind.says[0]}", "bold")
    found = [block(kind.name, name) for name in kind.entries]
    for row in aligned([(b.name, *(b.chinese if zh else (to_unicode(b.summary),))) for b in found]):
        screen.line(f"  {row}")


def show_block(kind: Kind, name: str) -> None:
    """All that is known of a block.

    Raises:
        UsageError E101: no such block; the nearest is offered, all are listed.
    """
    found = block(kind.name, name)
    zh = settings.lang == "zh"
    screen.line(f"{found.name}  {found.chinese[0]}" if zh else found.name, "bold")
    screen.line(found.chinese[1] if zh else to_unicode(found.summary))
    if found.text and not zh:
        screen.block(to_unicode(found.text))
    screen.line()
    screen.line(f"  {found.signature}")
    if found.formulas:
        screen.heading(say("formula"))
        _formulas(found.formulas)
    _picture(found)
    if isinstance(found.thing, type) and issubclass(found.thing, Card):
        _card(found.thing, found)
    if found.arguments:
        screen.heading(say("arguments"))
        rows = [(f"  {a.name}", a.default, to_unicode(a.meaning)) for a in found.arguments]
        screen.table([f"  {say('argument')}", say("default"), say("meaning")], rows)
    for section in _SECTIONS:
        _section(say(f"block_{section}"), to_unicode(found.sections.get(section, "")))
    _section(say("block_example"), transcript(kind.name, found.name, found.thing))
    _section(say("block_Reference"), found.sections.get("Reference", "").replace("``", ""))
    _section(say("elsewhere"), "; ".join(f"{peer}: {word}" for peer, word in found.elsewhere.items()))


def _section(title: str, text: str) -> None:
    """A heading and a text below it, unless there is none."""
    if text:
        screen.heading(title)
        for part in text.split("\n"):
            screen.line(f"  {part}")


def _formulas(formulas: tuple[Written, ...]) -> None:
    for written in formulas:
        text = to_unicode(written.prose) if written.tree is None else tree_to_unicode(written.tree)
        screen.line(f"  {written.label} = {text}" if written.label else f"  {text}")


def _picture(found: Block) -> None:
    """The curve of an activation or a schedule, in dots."""
    drawn = sampled(found.kind.name, found.name, found.thing)
    if drawn is None:
        return
    screen.line()
    screen.line(drawn.says[settings.lang == "zh"])
    pictures = [(say(f"series_{name}"), plot(drawn.x, y)) for name, y in drawn.series.items()]
    for part in side_by_side(pictures):
        screen.line(f"  {part}")


def _card(card: type[Card], found: Block) -> None:
    """What only an operation has: its way back, its constraints, how it treats samples."""
    zh = settings.lang == "zh"
    screen.heading(say("backward"))
    screen.line(card.says.backward_zh if zh else card.says.backward)
    for written in found.backward:
        if written.tree is not None:
            screen.line(f"  {written.label} = {tree_to_unicode(written.tree)}")
            continue
        reason = in_chinese(written.prose) if zh else written.prose
        kind = "0" if written.is_flat else say("no_gradient")
        screen.line(f"  {written.label} = {kind} ({reason})")
    if card.constraints:
        screen.heading(say("constraints"))
        rows = [(name, in_chinese(text) if zh else text) for name, text in card.constraints.items()]
        screen.table(["", ""], rows)
    screen.heading(say("batch"))
    for text in batch_rules(card):
        screen.line(f"  {text}")


def batch_rules(card: type[Card]) -> list[str]:
    """How an operation treats samples, as found on its own samples."""
    found: dict[str, None] = {}
    for sample in card.samples():
        if sample.batch is not None and not sample.breaks:
            rule = sample.op.batch(sample.batch, *sample.symbolic())
            found[say(f"batch_{type(rule).__name__.lower()}")] = None
    return list(found) or [say("none")]
