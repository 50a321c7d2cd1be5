"""Screens of building blocks: the description of one block, or a list of all blocks of a kind."""

from __future__ import annotations

import re
from difflib import get_close_matches

from chainrule.apps.cli.texts import text_of
from chainrule.catalog import Argument, Block, Kind, block, sample_curve, to_unicode, transcript
from chainrule.errors import CATALOG, DETAILS, UsageError
from chainrule.errors.catalog import page_lines
from chainrule.messages import join_facts, translated
from chainrule.metrics import Metric
from chainrule.notation import to_unicode as tree_to_unicode
from chainrule.notation.text_columns import aligned
from chainrule.ops import Card
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.step_explanation.braille_plot import plot, side_by_side

# Screens of error codes: the page of one code, or a list of all codes.

WORDS = ("error", "errors")


def show_errors() -> None:
    """Show all codes, one line each."""
    screen.line(text_of("errors"), "bold")
    for code in sorted(CATALOG):
        screen.line(f"  {code}  {sentence_of_code(code)}")


def show_error(name: str) -> None:
    """Show the page of a code; E101 suggests the nearest."""
    code = name.strip().upper()
    if code not in CATALOG:
        close = next(iter(get_close_matches(code, CATALOG, 1, 0.75)), "")
        raise UsageError(
            "E101",
            where="chainrule show error",
            name=name[:80],
            expected=text_of("error_codes").format(first=min(CATALOG), last=max(CATALOG)),
            received=name[:80],
            fix=f"chainrule show error {close}" if close else "chainrule show errors",
        )
    screen.line(text_of("error_title").format(code=code, clause=sentence_of_code(code)), "bold")
    text = "\n".join(line.rstrip() for line in page_lines(code, settings.lang)).strip("\n")
    screen.block(re.sub(r"\n{3,}", "\n\n", text))


def sentence_of_code(code: str) -> str:
    """Return the sentence of a code with the names of its fields in angle brackets."""
    text = translated(CATALOG[code], settings.lang)
    for name, value in DETAILS.get(code, {}).items():
        text = text.replace(f"{{{name}}}", translated(value, settings.lang))
    return text.replace("{", "<").replace("}", ">")


_SECTIONS = ("Tasks", "Shapes", "Numerics", "Cost", "Raises")


def show_kind(kind: Kind) -> None:
    """Print all blocks of a kind, one line each."""
    zh = settings.lang == "zh"
    colon = "：" if zh else ": "
    screen.line(f"{kind.title(settings.lang)}{colon}{translated(kind.summary, settings.lang)}", "bold")
    blocks = [block(kind.name, name) for name in kind.entries]
    for row in aligned([(b.name, *(b.chinese if zh else (to_unicode(b.summary),))) for b in blocks]):
        screen.line(f"  {row}")


def show_block(kind: Kind, name: str) -> None:
    """Print the description of a block; E101 suggests the closest name."""
    entry = block(kind.name, name)
    zh = settings.lang == "zh"
    screen.line(f"{entry.name}  {entry.chinese[0]}" if zh else entry.name, "bold")
    screen.line(entry.chinese[1] if zh else to_unicode(entry.summary))
    if entry.text and not zh:
        screen.block(to_unicode(entry.text))
    screen.line()
    screen.line(f"  {entry.signature}")
    if entry.formulas:
        screen.heading(text_of("formula"))
        _formulas(entry)
    _curve(entry)
    if isinstance(entry.definition, type) and issubclass(entry.definition, Card):
        _card(entry.definition, entry)
    if entry.arguments:
        screen.heading(text_of("arguments"))
        rows = [(f"  {a.name}", a.default, _meaning(entry, a)) for a in entry.arguments]
        screen.table([f"  {text_of('argument')}", text_of("default"), text_of("meaning")], rows)
    for section, text in (_chinese_sections(entry) if zh else _english_sections(entry)).items():
        _section(text_of(f"block_{section}"), text)
    _section(text_of("block_example"), transcript(kind.name, entry.name, entry.definition))
    _section(text_of("block_Reference"), entry.sections.get("Reference", "").replace("``", ""))
    _section(text_of("elsewhere"), "; ".join(f"{peer}: {word}" for peer, word in entry.peer_names.items()))


def _meaning(entry: Block, argument: Argument) -> str:
    return documented(argument.meaning, f"{entry.kind.name}.{entry.name}.{argument.name.strip('*')}")


def documented(text: str, context: str) -> str:
    """Return a text of a docstring in the language of the settings; ``context``: its block and argument."""
    words = translated(text, settings.lang, context)
    return to_unicode(text) if words == text else str(words)


def _english_sections(entry: Block) -> dict[str, str]:
    return {section: to_unicode(entry.sections.get(section, "")) for section in _SECTIONS}


def _chinese_sections(entry: Block) -> dict[str, str]:
    context = f"{entry.kind.name}.{entry.name}"
    sections = {name: documented(entry.sections.get(name, ""), context) for name in _SECTIONS}
    if isinstance(entry.definition, Metric):
        tasks = join_facts(", ", [text_of(f"task_{task}") for task in entry.definition.tasks], "list").render(
            "zh"
        )
        inputs = text_of(f"reads_{entry.definition.reads}")
        return sections | {"Tasks": text_of("computed_from").format(tasks=tasks, inputs=inputs)}
    codes = sorted(set(re.findall(r"\bE\d{3}\b", entry.sections.get("Raises", ""))))
    return sections | {"Raises": "\n".join(f"{code}  {sentence_of_code(code)}" for code in codes)}


def _section(title: str, text: str) -> None:
    """Print a heading and a text, unless the text is empty."""
    if text:
        screen.heading(title)
        for part in text.split("\n"):
            screen.line(f"  {part}")


def _formulas(entry: Block) -> None:
    context = f"{entry.kind.name}.{entry.name}"
    for formula in entry.formulas:
        text = documented(formula.prose, context) if formula.tree is None else tree_to_unicode(formula.tree)
        screen.line(f"  {formula.label} = {text}" if formula.label else f"  {text}")


def _curve(entry: Block) -> None:
    """Plot the curve of an activation or a schedule with Braille characters."""
    samples = sample_curve(entry.kind.name, entry.name, entry.definition)
    if samples is None:
        return
    screen.line()
    screen.line(samples.caption.render(settings.lang))
    plots = [(text_of(f"series_{name}"), plot(samples.x, y)) for name, y in samples.series.items()]
    for part in side_by_side(plots):
        screen.line(f"  {part}")


def _card(card: type[Card], entry: Block) -> None:
    """Print gradients, constraints and batch rule of an operation."""
    zh = settings.lang == "zh"
    screen.heading(text_of("backward"))
    screen.line(card.says.backward_zh if zh else card.says.backward)
    for formula in entry.backward:
        if formula.tree is not None:
            screen.line(f"  {formula.label} = {tree_to_unicode(formula.tree)}")
            continue
        reason = translated(formula.prose, settings.lang)
        kind = "0" if formula.is_flat else text_of("no_gradient")
        screen.line(f"  {formula.label} = {kind} ({reason})")
    if card.constraints:
        screen.heading(text_of("constraints"))
        rows = [(name, translated(text, settings.lang)) for name, text in card.constraints.items()]
        for row in aligned(rows):
            screen.line(f"  {row}")
    screen.heading(text_of("batch"))
    for text in batch_rules(card):
        screen.line(f"  {text}")


def batch_rules(card: type[Card]) -> list[str]:
    """Return the batch rules of an operation on its sample cases."""
    rules: dict[str, None] = {}
    for sample in card.samples():
        if sample.batch is not None and not sample.breaks:
            rule = sample.op.batch(sample.batch, *sample.symbolic())
            rules[text_of(f"batch_{type(rule).__name__.lower()}")] = None
    return list(rules) or [text_of("none")]
