"""``chainrule explain``: the derivation of a prediction, a what-if branch, or a replayed training step.

``--row`` explains the prediction for a row, ``--text`` that of a text model: first why, on one screen, and
with ``--member`` or ``--depth`` the derivation. ``--set`` shows the effect of other weights, and ``--step``
replays a step of the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load, read_text, require_targets
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.prediction_output import announce_unlike
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.attribution.explanation import Request, explain_prediction
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import UsageError, fact, join_facts
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.page import screen
from chainrule.page.page import Page
from chainrule.settings import settings
from chainrule.store import atomic_write
from chainrule.tabular.predicted_columns import decision_of
from chainrule.tabular.recorded_training import replay
from chainrule.tabular.run_folder import model_file
from chainrule.train.single_member import members_of
from chainrule.validation import out_of_range

OPTIONS = {
    "row": Choice(int, "row"),
    "text": Choice(str, "attribute_text"),
    "weight": Choice(str, "weight"),
    "depth": Choice(int, "depth"),
    "member": Choice(str, "explain_member", "NUMBER|all"),
    "step": Choice(int, "explain_step"),
    "set": Choice(list[str], "explain_set", "WEIGHT=NUMBER"),
}


@with_options({**OPTIONS, **READING})
def explain(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=attribute_data", metavar="DATA")] = "",
    html: Annotated[str | None, output_file("=html")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print a derivation, or write it as a page."""
    reading = take_reading(options)
    chosen = {name: value for name, value in options.items() if value is not None and value != []}
    _refuse_mixture(run, data, chosen)
    depth = chosen.get("depth")
    if depth is not None and not 0 <= depth <= 3:
        raise out_of_range(depth, "--depth", "chainrule explain", fact("0, 1, 2 or 3"), fix="--depth 2")
    page: Any = _page(run, data, chosen, reading, html is not None)
    if html is None:
        screen.block(str(page))
        _print_next(run, data, chosen, page)
        return
    atomic_write.write(html, page.to_html().encode())
    screen.line(text_of("page_written").format(file=html))


def _refuse_mixture(run: str, data: str, chosen: Mapping[str, Any]) -> None:
    """Require exactly one of row, text and step, a row or step with its data (E601)."""
    modes = {"row", "text", "step"} & chosen.keys()
    is_mixed = "set" in chosen and bool({"step", "weight", "member"} & chosen.keys())
    is_mixed = is_mixed or {"step", "member"} <= chosen.keys()
    if len(modes) != 1 or is_mixed or bool(data) == ("text" in chosen):
        received = [data or fact("no DATA"), *(f"--{name}" for name in chosen)]
        raise UsageError(
            "E601",
            where="chainrule explain",
            option="--row",
            expected=fact("DATA with --row or --step, or --text alone; --set with --row or --text"),
            received=join_facts(" ", received),
            fix=f"chainrule explain {quoted(run)} {quoted(data or 'DATA')} --row 1",
        )


def _page(run: str, data: str, chosen: Mapping[str, Any], reading: ReadOptions, is_html: bool) -> Page:
    """Return the derivation of a step, the explanation of a prediction, or a what-if branch."""
    if "step" in chosen:
        step = replay(run, data, chosen["step"])
        return step.explain(chosen.get("weight"), chosen.get("depth") or 2, settings.lang)
    model, x, y = _text(run, chosen["text"]) if "text" in chosen else _row(run, data, chosen, reading)
    if "set" in chosen:
        options = {"depth": chosen.get("depth") or 2, "lang": settings.lang}
        return model.what_if(dict(map(_edit, chosen["set"])), x, y, **options)
    is_derived = is_html or bool({"weight", "member"} & chosen.keys())
    depth = chosen.get("depth", 2 if is_derived else 0)
    member = _member(chosen.get("member"))
    decision = decision_of(model, x)
    request = Request(
        model.state, x, y, chosen.get("weight"), depth, member, with_reasons=is_html, decision=decision
    )
    return explain_prediction(request, settings.lang)


def _member(text: str | None) -> int | str | None:
    """Return the number of a member, or ``"all"``; other texts are refused by the explanation."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else text


def _print_next(run: str, data: str, chosen: Mapping[str, Any], page: Any) -> None:
    """Name the commands for the derivation, below the reasons."""
    if "row" not in chosen or getattr(page, "draw", page) is not None:
        return
    count = members_of(Model.load(model_file(run)).state)
    command = f"chainrule explain {quoted(run)} {quoted(data)} --row {chosen['row']}"
    attribute = command.replace("explain", "attribute", 1)
    text = text_of("explain_next_member" if count > 1 else "explain_next")
    for line in text.format(command=command, attribute=attribute, count=count).splitlines():
        screen.line(line)


def _row(run: str, data: str, chosen: Mapping[str, Any], reading: ReadOptions) -> tuple[Model, Any, Any]:
    """Return the model with inputs and target of a row; values need a target, classes do not."""
    model, rows = load(run, data, reading)
    one = rows.row(chosen["row"])
    announce_unlike(model, one.x, np.array([chosen["row"] - 1]))
    is_derived = bool({"weight", "member", "set"} & chosen.keys()) or bool(chosen.get("depth"))
    if one.kind.needs_targets or (is_derived and model.task != "classification"):
        require_targets(one, run, data)
    return model, one.x, one.y


def _text(run: str, text: str) -> tuple[Model, Any, Any]:
    """Return the model with a text; the target is the next token at each position, or the predicted class."""
    encoded = read_text(run, text, "chainrule explain")
    if encoded.is_language_model:
        return encoded.model, encoded.rows(encoded.tokens[:-1]), encoded.rows(encoded.tokens[1:])
    x = encoded.rows(encoded.tokens)
    return encoded.model, x, encoded.model.predict(x)


def _edit(text: str) -> tuple[str, float]:
    """Parse a weight and its new value, as ``dense1.weight[0,1]=0.7``; raises E601 for another form."""
    weight, _, value = text.rpartition("=")
    try:
        return weight, float(value)
    except ValueError:
        where = "chainrule explain"
        fix = '--set "dense1.weight[0,1]=0.7"'
        raise UsageError(
            "E601", where=where, option="--set", expected="WEIGHT=NUMBER", received=text, fix=fix
        ) from None
