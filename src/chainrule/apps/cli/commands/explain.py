"""``chainrule explain``: an answer derived, the same with other weights, or an update of the training.

The questions share the command: ``--row`` derives the answer to a row, ``--text`` how a model of texts goes
on with one, ``--set`` shows what would change, ``--step`` makes an update of the training again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load, require_answer
from chainrule.apps.cli.replay import replay
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.text_input import reading
from chainrule.apps.cli.texts import say
from chainrule.errors import UsageError
from chainrule.model import Model
from chainrule.page.page import Page
from chainrule.settings import settings
from chainrule.store import atomic_write

OPTIONS = {
    "row": Choice(int, "row"),
    "text": Choice(str, "attribute_text"),
    "weight": Choice(str, "weight"),
    "depth": Choice(int, "depth"),
    "step": Choice(int, "explain_step"),
    "set": Choice(list[str], "explain_set", "WEIGHT=NUMBER"),
}


@with_options(OPTIONS)
def explain(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=attribute_data", metavar="DATA")] = "",
    html: Annotated[str | None, typer.Option(help="=html", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the derivation of one row's answer, of one with other weights or of an update, or write a page.

    Args:
        run: the folder of a training, or its model file.
        data: the rows.
        html: the page to be written.
        lang: the door has read it already.
        options: those of ``OPTIONS``; ``None`` where not given.
    """
    asked = {name: value for name, value in options.items() if value is not None and value != []}
    _refuse_mixture(run, data, asked)
    page: Any = _told(run, data, asked)
    if html is None:
        screen.block(str(page))
        return
    atomic_write.write(html, page.to_html().encode())
    screen.line(say("page_written").format(file=html))


def _refuse_mixture(run: str, data: str, asked: Mapping[str, Any]) -> None:
    """Refuse what asks for nothing, or for two things at once.

    Raises:
        UsageError E601: neither a row nor a text nor an update, or several; rows without the data.
    """
    questions = {"row", "text", "step"} & asked.keys()
    is_mixed = "set" in asked and bool({"step", "weight"} & asked.keys())
    if len(questions) != 1 or is_mixed or bool(data) == ("text" in asked):
        received = [data or "no DATA", *(f"--{name}" for name in asked)]
        raise UsageError(
            "E601", where="chainrule explain", option="--row",
            expected="DATA with --row or --step, or --text alone; --set with --row or --text",
            received=" ".join(received), fix=f"chainrule explain {run} {data or 'DATA'} --row 1",
        )  # fmt: skip


def _told(run: str, data: str, asked: Mapping[str, Any]) -> Page:
    """The derivation of an update or of an answer, or what would change in it."""
    if "step" in asked:
        made = replay(run, data, asked["step"])
        return made.explain(asked.get("weight"), asked.get("depth", 2), settings.lang)
    model, x, y = _text(run, asked["text"]) if "text" in asked else _row(run, data, asked["row"])
    ways = {"depth": asked.get("depth", 2), "lang": settings.lang}
    if "set" in asked:
        return model.what_if(dict(map(_edit, asked["set"])), x, y, **ways)
    return model.explain(x, y, weight=asked.get("weight"), **ways)


def _row(run: str, data: str, row: int) -> tuple[Model, Any, Any]:
    """A row of a table, in which what was wanted stands, or of arrays."""
    model, given = load(run, data)
    one = given.row(row)
    require_answer(one, data)
    return model, one.x, one.y


def _text(run: str, text: str) -> tuple[Model, Any, Any]:
    """A text; what was wanted is, at each place, the token that follows; of a classifier its own answer."""
    read = reading(run, text, "chainrule explain")
    if read.writes:
        return read.model, read.rows(read.tokens[:-1]), read.rows(read.tokens[1:])
    x = read.rows(read.tokens)
    return read.model, x, read.model.predict(x)


def _edit(text: str) -> tuple[str, float]:
    """A weight and its new number.

    Raises:
        UsageError E601: not of the form ``dense1.weight[0,1]=0.7``.
    """
    weight, _, value = text.rpartition("=")
    try:
        return weight, float(value)
    except ValueError:
        raise UsageError(
            "E601", where="chainrule explain", option="--set", expected="WEIGHT=NUMBER", received=text,
            fix='--set "dense1.weight[0,1]=0.7"',
        ) from None  # fmt: skip
