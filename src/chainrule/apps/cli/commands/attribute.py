"""``chainrule attribute``: what one answer comes from, what a model needs, what would change an answer.

Three questions share the command, each with options of its own (``MODES``). Of a text each word is shown in
the color of its value, where there are colors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer
from rich.text import Text

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load, warn_of_known_rows
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.text_input import reading
from chainrule.apps.cli.texts import say
from chainrule.attribution.attribution import Attribution
from chainrule.attribution.plots import visible_token
from chainrule.attribution.request import known_method
from chainrule.errors import UsageError, nearest
from chainrule.escaping import printable
from chainrule.model import Model
from chainrule.settings import settings
from chainrule.store import atomic_write

_KINDS: dict[str, Any] = {
    "row": int, "method": str, "target": str, "text": str, "samples": int, "exact": bool, "baseline": int,
    "importance": bool, "metric": str, "repeats": int, "counterfactual": str, "fixed": list[str],
    "max_changes": int,
}  # fmt: skip
_METAVARS = {"counterfactual": "WANTED", "fixed": "COLUMN"}
OPTIONS = {name: Choice(kind, f"attribute_{name}", _METAVARS.get(name)) for name, kind in _KINDS.items()}
MODES = {  # what each question may be told
    "importance": ("metric", "repeats"),
    "counterfactual": ("row", "fixed", "max_changes"),
    "": ("row", "method", "target", "text", "samples", "exact", "baseline"),
}
COMPARED = 32  # rows of the data that a method compares with, if it needs some and nobody says how many


@with_options(OPTIONS)
def attribute(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=attribute_data", metavar="DATA")] = "",
    html: Annotated[str | None, typer.Option(help="=html", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print one of three answers, or write it as a page.

    Args:
        run: the folder of a training, or its model file.
        data: the rows.
        html: the page to be written.
        lang: the door has read it already.
        options: those of ``OPTIONS``; ``None`` where not given.
    """
    asked = {name: value for name, value in options.items() if value is not None and value != []}
    mode = next((name for name in MODES if name in asked), "")
    _refuse_mixture(mode, asked)
    if not data and "text" not in asked:
        raise UsageError(
            "E601", where="chainrule attribute", option="DATA", expected="rows, or --text", received="none",
            fix=f"chainrule attribute {run} DATA --row 1",
        )  # fmt: skip
    made: Any = _text_attribution(run, asked) if "text" in asked else _answered(run, data, mode, asked)
    if html is not None:
        atomic_write.write(html, made.to_html().encode())
        screen.line(say("page_written").format(file=html))
        return
    if isinstance(made, Attribution):
        _show_words(made)
    screen.block(str(made))


def _refuse_mixture(mode: str, asked: Mapping[str, Any]) -> None:
    """Refuse options of another question than the one that is asked.

    Raises:
        UsageError E601: names the first.
    """
    known = (mode, *MODES[mode])
    strange = [f"--{name}" for name in asked if name not in known]
    if strange:
        expected = ", ".join(f"--{name}" for name in known if name)
        raise UsageError(
            "E601", where="chainrule attribute", option=", ".join(strange), expected=expected,
            received=" ".join(f"--{name}" for name in asked), fix="chainrule attribute --help",
        )  # fmt: skip


def _answered(run: str, data: str, mode: str, asked: Mapping[str, Any]) -> Any:
    """What is to be shown of rows."""
    if mode == "" and "method" in asked:
        known_method(asked["method"])  # a slip in the name is told before the data is read
    model, given = load(run, data)
    if mode == "importance":
        warn_of_known_rows(model, given.x, run)
        return model.importance(given.x, given.y, lang=settings.lang, **_of(asked, *MODES[mode]))
    row = given.row(asked.get("row", 1)).x
    if mode == "counterfactual":
        wanted = _wanted(model, asked["counterfactual"])
        own: Any = _of(asked, "fixed", "max_changes")
        return model.counterfactual(row, wanted, data=given.x, lang=settings.lang, **own)
    method = asked.get("method", "integrated_gradients")
    count = asked.get("baseline", COMPARED if "samples" in known_method(method).needs else 0)
    if not 0 <= count <= given.rows:
        raise UsageError(
            "E102", where="--baseline", name="baseline", expected=f"0 to {given.rows}", received=count
        )
    chosen = np.linspace(0, given.rows - 1, count).round().astype(np.int64)
    baseline = given.take(np.unique(chosen)).x if count else None
    own = _of(asked, "samples", "exact")
    target = _label(model, asked.get("target"))
    return model.attribute(row, method, target=target, baseline=baseline, lang=settings.lang, **own)


def _of(asked: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: asked[name] for name in names if name in asked}


def _label(model: Model, text: str | None) -> Any:
    """The class that a text names; the text itself where it names none."""
    return {str(label): label for label in model.labels}.get(text or "", text)


def _wanted(model: Model, text: str) -> Any:
    """The answer that a text names: a class, a value, or a range of values.

    Raises:
        UsageError E547: not a class of the model.
    """
    if text == "*":
        return None
    if model.task == "classification":
        labels = [str(label) for label in model.labels]
        if text not in labels:
            close = nearest(text, labels) or "'*'"
            raise UsageError(
                "E547", where="--counterfactual", expected=", ".join(labels[:20]), received=text,
                fix=f"--counterfactual {close}",
            )  # fmt: skip
        return _label(model, text)
    low, dots, high = text.partition("..")
    return (low or None, high or None) if dots else text


def _text_attribution(run: str, asked: Mapping[str, Any]) -> Attribution:
    """What a model of texts answers behind the text, and which tokens that comes from.

    Raises:
        UsageError, DataError: as ``reading``.
    """
    read = reading(run, asked["text"], "chainrule attribute")
    model, x = read.model, read.rows(read.tokens)
    target: Any = _label(model, asked.get("target"))
    if read.writes:  # a score for every token at each place: what comes after the text is explained
        place = min(len(read.tokens), read.length) - 1
        known = read.tokenizer.encode(asked.get("target", ""), unknown=False)
        target = place, int(known[0]) if len(known) else int(np.asarray(model(x))[0, place].argmax())
    options = _of(asked, "samples", "exact")
    method = asked.get("method", "integrated_gradients")
    made = model.attribute(x, method, target=target, lang=settings.lang, **options)
    return replace(made, targets=(read.tokenizer.decode([target[1]]),)) if read.writes else made


def _show_words(made: Attribution) -> None:
    """The words in their colors, where a person looks on."""
    terminal = screen.console()
    if not terminal.is_terminal or not made.words:
        return
    line = Text()
    for word in made.colored_words():
        line.append(printable(visible_token(word.text)), f"#1b1f24 on {word.color}")
        line.append(" ")
    terminal.print(line)
    terminal.print()
