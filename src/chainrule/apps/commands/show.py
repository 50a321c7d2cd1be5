"""``chainrule show``: a training, what its steps cost, an operation or a net, as text."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.apps import screen
from chainrule.apps.cost import PLAN, show_plan, show_profile, show_saved_plan
from chainrule.apps.course import Rating
from chainrule.apps.run import model_file
from chainrule.apps.view import history_table, layers, net_table, result_table
from chainrule.apps.word import say
from chainrule.errors import UsageError, nearest
from chainrule.nn import net_from_text
from chainrule.notation import parse, to_unicode
from chainrule.ops import CARDS, Card, Flat, NoGradient
from chainrule.settings import settings
from chainrule.spec import Size, Spec
from chainrule.train.learner import Learner

MOST_INPUTS = 1_000_000


def show(
    words: Annotated[
        list[str], typer.Argument(help="=what", metavar="RUN | PLAN.json | op NAME | net WORDS")
    ],
    inputs: Annotated[int, typer.Option(help="=inputs")] = 2,
    profile: Annotated[bool, typer.Option("--profile", help="=profile")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="=plan")] = False,
    batch_size: Annotated[int | None, typer.Option(help="=batch_size")] = None,
    out: Annotated[str | None, typer.Option(help="=show_out", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Show a training (a RUN), an operation (``op NAME``) or a net (``net WORDS``)."""
    what, which = words[0], " ".join(words[1:]) or None
    _refuse_mixture(profile, plan, {"--batch-size": batch_size, "--out": out}, which)
    if profile:
        show_profile(what, batch_size, out)
    elif plan:
        show_plan(what, batch_size, out)
    elif what == "op":
        _op(which or "")
    elif what == "net" and which is not None:
        _net(which, inputs)
    elif which is not None:
        close = nearest(what, ("op", "net")) or "op"
        raise UsageError(
            "E101",
            where="chainrule show",
            name=what,
            expected="op NAME, net WORDS, or a RUN alone",
            received=f"{what} {which}",
            fix=f"chainrule show {close} {which}",
        )
    elif what.lower().endswith(PLAN):
        show_saved_plan(what)
    else:
        _run(what)


def _refuse_mixture(profile: bool, plan: bool, options: dict[str, Any], which: str | None) -> None:
    """Refuse options that do not belong together.

    Fails:
        UsageError E601: a profile and a plan at once, of no RUN, or an option of theirs without them.
    """
    strange = [name for name, value in options.items() if value is not None]
    if profile and plan:
        option, expected = "--profile, --plan", "one of them"
    elif (profile or plan) and which is not None:
        option, expected = "--profile" if profile else "--plan", "a RUN"
    elif strange and not (profile or plan):
        option, expected = strange[0], "--profile or --plan with it"
    else:
        return
    raise UsageError(
        "E601", where="chainrule show", option=option, expected=expected, fix="chainrule show RUN --profile"
    )


def _run(run: str) -> None:
    """A training: its net, its facts, the end of its history."""
    file = model_file(run)
    model = Learner.load(file)
    facts: dict[str, Any] = model.facts
    screen.line(str(file), "bold")
    known = [
        (key, facts[key])
        for key in ("data", "target", "rows", "epochs", "steps", "batch_size", "seed")
        if key in facts
    ]
    screen.table([say("fact"), say("value")], [(say(f"fact_{key}"), value) for key, value in known])
    screen.heading(say("net_heading"))
    assert model.network is not None
    net_table(model, model.network.inputs)
    if isinstance(facts.get("result"), dict) and model.preparation is not None:
        screen.heading(say("report_result"))
        known = [name for name in ("net", "linear", "trivial") if name in facts["result"]]
        rated = [Rating(n, {k: _number(v) for k, v in facts["result"][n].items()}) for n in known]
        result_table(rated, model.task)
    if model.history:
        screen.heading(say("history_end"))
        history_table(model.history)
    if "command" in facts:
        screen.line()
        screen.line(say("report_again"))
        screen.line(f"  {facts['command']}")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _net(words: str, inputs: int) -> None:
    """A net in words as the table of its layers."""
    if not 1 <= inputs <= MOST_INPUTS:
        raise UsageError(
            "E102", where="--inputs", name="inputs", expected=f"1 to {MOST_INPUTS}", received=inputs
        )
    net = net_from_text(words, source="net")
    screen.block(str(net))
    screen.line()
    layers(net, {"x": Spec((Size.symbol("B"), inputs), "float32")})


def _op(name: str) -> None:
    """All that the card of an operation says.

    Fails:
        UsageError E101: no such operation; the nearest is offered, all are listed.
    """
    cards = {card.name: card for card in CARDS}
    if name not in cards:
        close = nearest(name, cards)
        raise UsageError(
            "E101",
            where="chainrule show op",
            name=name,
            expected=", ".join(sorted(cards)),
            received=name,
            fix=f"chainrule show op {close}" if close else "chainrule show op sigmoid",
        )
    card = cards[name]
    zh = settings.lang == "zh"
    screen.line(f"{card.name}({', '.join(card.arguments)})", "bold")
    screen.line(card.says.forward_zh if zh else card.says.forward)
    screen.line(f"  y = {to_unicode(parse(card.formula))}")
    screen.heading(say("backward"))
    screen.line(card.says.backward_zh if zh else card.says.backward)
    for argument, rule in card.pullbacks.items():
        screen.line(f"  d{argument} = {_pullback(rule)}")
    if card.constraints:
        screen.heading(say("constraints"))
        screen.table(["", ""], list(card.constraints.items()))
    screen.heading(say("batch"))
    for text in _batch(card):
        screen.line(f"  {text}")


def _pullback(rule: object) -> str:
    if isinstance(rule, Flat):
        return f"0 ({rule.reason})"
    if isinstance(rule, NoGradient):
        return f"{say('no_gradient')} ({rule.reason})"
    return to_unicode(parse(str(rule)))


def _batch(card: type[Card]) -> list[str]:
    """How the operation treats samples, as found on its own samples."""
    found: dict[str, None] = {}
    for sample in card.samples():
        if sample.batch is not None and not sample.breaks:
            rule = sample.op.batch(sample.batch, *sample.symbolic())
            found[say(f"batch_{type(rule).__name__.lower()}")] = None
    return list(found) or [say("none")]
