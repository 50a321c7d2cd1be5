"""``chainrule attribute``: attributions of a prediction, feature importance, and counterfactuals.

The command has three modes, each with its own options (``MODES``). On a terminal with colors, the words of a
text are printed in the color of their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer
from rich.text import Text

from chainrule.apps.cli.model_and_rows import load, read_text, warn_of_known_rows
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.prediction_output import announce_unlike
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.attribution.attribution import Attribution
from chainrule.attribution.counterfactual import Counterfactuals
from chainrule.attribution.plots import visible_token
from chainrule.attribution.request import known_method
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import UsageError, fact, nearest
from chainrule.escaping import printable, quoted
from chainrule.model import Model
from chainrule.page import screen
from chainrule.page.page import Section
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.tabular.predicted_columns import decided_class, threshold_option, unknown_note
from chainrule.validation import out_of_range

_NAMES = """
    row method target text samples exact baseline importance metric repeats counterfactual fixed max_changes
""".split()
_NUMBERS = ("row", "samples", "baseline", "repeats", "max_changes")
_SWITCHES = ("exact", "importance")
_KINDS = {**dict.fromkeys(_NUMBERS, int), **dict.fromkeys(_SWITCHES, bool), "fixed": list[str]}
_METAVARS = {"counterfactual": "TARGET", "fixed": "COLUMN"}
OPTIONS = {name: Choice(_KINDS.get(name, str), f"attribute_{name}", _METAVARS.get(name)) for name in _NAMES}
MODES = {  # mode -> its other options
    "importance": ("metric", "repeats"),
    "counterfactual": ("row", "fixed", "max_changes"),
    "": ("row", "method", "target", "text", "samples", "exact", "baseline"),
}
BASELINE_ROWS = 32  # default number of rows for methods that need a baseline


@with_options({**OPTIONS, **READING})
def attribute(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=attribute_data", metavar="DATA")] = "",
    html: Annotated[str | None, output_file("=html")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print an attribution, the importance of features or counterfactuals, or write them as a page."""
    reading = take_reading(options)
    chosen = {name: value for name, value in options.items() if value is not None and value != []}
    mode = next((name for name in MODES if name in chosen), "")
    _refuse_mixture(mode, chosen)
    if not data and "text" not in chosen:
        where = "chainrule attribute"
        expected = fact("rows, or --text")
        received = fact("none")
        fix = f"chainrule attribute {quoted(run)} DATA --row 1"
        raise UsageError("E601", where=where, option="DATA", expected=expected, received=received, fix=fix)
    result = _text_attribution(run, chosen) if "text" in chosen else _result(run, data, mode, chosen, reading)
    if html is not None:
        atomic_write.write(html, result.to_html().encode())
        screen.line(text_of("page_written").format(file=html))
        return
    if isinstance(result, Attribution):
        _show_words(result)
    screen.block(str(result))


def _refuse_mixture(mode: str, chosen: Mapping[str, Any]) -> None:
    """Refuse options of another mode; E601 lists them."""
    known = (mode, *MODES[mode])
    strange = [f"--{name}" for name in chosen if name not in known]
    if strange:
        expected = ", ".join(f"--{name}" for name in known if name)
        option = ", ".join(strange)
        received = " ".join(f"--{name}" for name in chosen)
        fix = "chainrule attribute --help"
        raise UsageError(
            "E601", where="chainrule attribute", option=option, expected=expected, received=received, fix=fix
        )


def _result(run: str, data: str, mode: str, chosen: Mapping[str, Any], reading: ReadOptions) -> Any:
    """Return the page of a mode; it states if ``chainrule predict`` names its row unknown."""
    if mode == "" and "method" in chosen:
        known_method(chosen["method"])  # refuses an unknown name before the data is read
    model, rows = load(run, data, reading)
    if mode == "importance":
        warn_of_known_rows(model, rows.x, run)
        own: Any = _of(chosen, *MODES[mode]) | threshold_option(model)
        return model.importance(rows.x, rows.y, lang=settings.lang, **own)
    one = rows.row(chosen.get("row", 1))
    row = one.x
    announce_unlike(model, row, np.array([chosen.get("row", 1) - 1]))
    if mode == "counterfactual":
        target = _target(model, chosen["counterfactual"])
        own = _of(chosen, "fixed", "max_changes") | threshold_option(model)
        changes = model.counterfactual(row, target, data=rows.x, lang=settings.lang, **own)
        return _with_unknown(changes, model, row)
    method = chosen.get("method", "integrated_gradients")
    count = chosen.get("baseline", BASELINE_ROWS if "samples" in known_method(method).needs else 0)
    if not 0 <= count <= rows.count:
        raise out_of_range(count, "baseline", "--baseline", fact("0 to {last}", last=rows.count))
    index = np.linspace(0, rows.count - 1, count).round().astype(np.int64)
    baseline = rows.take(np.unique(index)).x if count else None
    own = _of(chosen, "samples", "exact")
    text, kind = chosen.get("target"), one.kind
    target = kind.attribution_target(model, one) if text is None else kind.named_target(model, one, text)
    if target is None:
        target = _label(model, text) if text is not None else decided_class(model, row)
    attribution = model.attribute(row, method, target=target, baseline=baseline, lang=settings.lang, **own)
    attribution = one.kind.relabel(attribution, one)
    return replace(attribution, is_unknown=bool(unknown_note(model, row, settings.lang)))


def _with_unknown(changes: Counterfactuals, model: Model, row: Any) -> Counterfactuals:
    """Add the sentence that ``chainrule predict`` names the original row unknown, in every language."""
    own, *others = (
        (*page.sections, Section("", (note,)))
        if (note := unknown_note(model, row, page.lang))
        else page.sections
        for page in (changes, *changes.others)
    )
    pages = (replace(page, sections=parts) for page, parts in zip(changes.others, others, strict=True))
    return replace(changes, sections=own, others=tuple(pages))


def _of(chosen: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: chosen[name] for name in names if name in chosen}


def _label(model: Model, text: str | None) -> Any:
    """Return the label that is printed as a text, an output's number, ``position,class``, or the text."""
    labels = {str(label): label for label in model.labels}
    is_number = not labels or model.task != "classification"
    if text is not None and text not in labels and is_number and text.isdecimal():
        return int(text)
    *place, label = (text or "").split(",")
    if place and text not in labels and all(part.isdecimal() for part in place):
        return (*map(int, place), labels.get(label, label))
    return labels.get(text or "", text)


def _target(model: Model, text: str) -> Any:
    """Return the target of a counterfactual: a class (E547: unknown), a value, a range, else ``None``."""
    if text == "*":
        return None
    if model.task == "classification":
        labels = [str(label) for label in model.labels]
        if text not in labels:
            close = nearest(text, labels) or "'*'"
            fix = f"--counterfactual {close}"
            raise UsageError(
                "E547", where="--counterfactual", expected=", ".join(labels[:20]), received=text, fix=fix
            )
        return _label(model, text)
    low, dots, high = text.partition("..")
    return (low or None, high or None) if dots else text


def _text_attribution(run: str, chosen: Mapping[str, Any]) -> Attribution:
    """Return the attribution of a prediction for a text: its class, or the next token, by input token."""
    text = read_text(run, chosen["text"], "chainrule attribute")
    model, x = text.model, text.rows(text.tokens)
    target: Any = _label(model, chosen.get("target"))
    if text.is_language_model:  # explain the token after the text
        position = min(len(text.tokens), text.length) - 1
        ids = text.tokenizer.encode(chosen.get("target", ""), unknown=False)
        target = position, int(ids[0]) if len(ids) else int(np.asarray(model(x))[0, position].argmax())
    options = _of(chosen, "samples", "exact")
    method = chosen.get("method", "integrated_gradients")
    attribution = model.attribute(x, method, target=target, lang=settings.lang, **options)
    if not text.is_language_model:
        return replace(attribution, is_unknown=bool(unknown_note(model, x, settings.lang)))
    return replace(attribution, targets=(text.tokenizer.decode([target[1]]),))


def _show_words(attribution: Attribution) -> None:
    """Print the words in their colors on a terminal."""
    terminal = screen.console()
    if not terminal.is_terminal or not attribution.words:
        return
    line = Text()
    for word in attribution.colored_words():
        line.append(printable(visible_token(word.text)), f"#1b1f24 on {word.color}")
        line.append(" ")
    terminal.print(line)
    terminal.print()
