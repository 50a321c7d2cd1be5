"""``chainrule show``: a training, the cost of its steps, a building block or a network, as text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.tables import history_table, layers_table, model_table, result_table
from chainrule.apps.cli.texts import text_of
from chainrule.apps.cli.views import catalog, doctor, models, terms
from chainrule.apps.cli.views.catalog import show_block, show_kind
from chainrule.apps.cli.views.doctor import show_nonfinite_report
from chainrule.apps.cli.views.models import is_foreign, show_weights
from chainrule.apps.cli.views.onnx_file import SUFFIX, show_onnx
from chainrule.apps.cli.views.profile import PLAN, show_plan, show_profile, show_saved_plan
from chainrule.catalog import KINDS, resolve_kind
from chainrule.diagnosis import DIAGNOSIS_FILE
from chainrule.errors import UsageError, fact, nearest
from chainrule.model import Model
from chainrule.nn import build, net_from_text
from chainrule.page import screen
from chainrule.plotting.network.blocks import flow_of, fold_repeated
from chainrule.plotting.network.layout import tree
from chainrule.settings import settings
from chainrule.symbolic_shape import Size, Spec
from chainrule.tabular.evaluation import Result
from chainrule.tabular.run_folder import MODEL, model_file
from chainrule.tabular.training_status import status_of
from chainrule.texts import render
from chainrule.texts.sentence import text_of_pair
from chainrule.validation import out_of_range

MAX_INPUTS = 1_000_000
FORMS = (
    "RUN | PLAN | KIND [NAME] | model NAME | rule NAME | term NAME | error CODE | faq [NUMBER] | net WORDS"
)
Screens: TypeAlias = "tuple[tuple[str, ...], Callable[[], None], Callable[[str], None]]"
_SCREENS: tuple[Screens, ...] = (  # the words, the list of all, the page of one
    (models.WORDS, models.show_models, models.show_model),
    (doctor.WORDS, doctor.show_rules, doctor.show_rule),
    (catalog.WORDS, catalog.show_errors, catalog.show_error),
    (terms.WORDS, terms.show_terms, terms.show_term),
    (terms.QUESTION_WORDS, terms.show_questions, terms.show_question),
)
_NAMED = ("model", "rule", "term")


def show(
    words: Annotated[list[str], typer.Argument(help="=what", metavar=FORMS)],
    inputs: Annotated[int, typer.Option(help="=inputs")] = 2,
    profile: Annotated[bool, typer.Option("--profile", help="=profile")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="=show_plan")] = False,
    batch_size: Annotated[int | None, typer.Option(help="=batch_size")] = None,
    out: Annotated[str | None, output_file("=show_out")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print a RUN, a building block (``layer NAME``, ...), a model or a network (``net WORDS``)."""
    what, which = words[0], " ".join(words[1:]) or None
    _refuse_mixture(profile, plan, {"--batch-size": batch_size, "--out": out}, which)
    if profile:
        show_profile(what, batch_size, out)
    elif plan:
        show_plan(what, batch_size, out)
    elif which is None and os.path.exists(what):
        _file(what)
    elif (screens := _screens_of(what)) is not None:
        screens[1]() if which is None else screens[2](which)
    elif (kind := resolve_kind(what)) is not None:
        show_kind(kind) if which is None else show_block(kind, which)
    elif what == "net" and which is not None:
        _net(which, inputs)
    elif which is not None:
        known = (*KINDS, *_NAMED, "error", "faq", "net")
        close = nearest(what, known) or "op"
        expected = f"{' NAME | '.join((*KINDS, *_NAMED))} NAME | error CODE | net WORDS | RUN"
        fix = f"chainrule show {close} {which}"
        raise UsageError(
            "E101", where="chainrule show", name=what, expected=expected, received=f"{what} {which}", fix=fix
        )
    else:
        _file(what)


def _screens_of(word: str) -> Screens | None:
    """Return the list and the single page that a word names, such as ``rules``."""
    return next((screens for screens in _SCREENS if word.casefold() in screens[0]), None)


def _file(what: str) -> None:
    """Print a weights file, an ONNX network, a saved plan or a training."""
    if is_foreign(what):
        show_weights(what)
    elif what.lower().endswith(SUFFIX):
        show_onnx(what)
    elif what.lower().endswith(PLAN):
        show_saved_plan(what)
    else:
        _run(what)


def _refuse_mixture(profile: bool, plan: bool, options: dict[str, Any], which: str | None) -> None:
    """Refuse combinations of options without a meaning (E601).

    These are both a profile and a plan, one of them without a RUN, and their options without them.
    """
    strange = [name for name, value in options.items() if value is not None]
    if profile and plan:
        option, expected = "--profile, --plan", fact("one of them")
    elif (profile or plan) and which is not None:
        option, expected = "--profile" if profile else "--plan", fact("a RUN")
    elif strange and not (profile or plan):
        option, expected = strange[0], fact("--profile or --plan with it")
    else:
        return
    raise UsageError(
        "E601", where="chainrule show", option=option, expected=expected, fix="chainrule show RUN --profile"
    )


def _run(run: str) -> None:
    """Print a training: its facts, its network, its results and its last epochs; or why it failed."""
    if show_nonfinite_report(run) and not os.path.isfile(Path(run) / MODEL):
        return
    file = model_file(run)
    model = Model.load(file)
    facts = model.facts
    screen.line(str(file), "bold")
    if status := [(text_of_pair(name), text_of_pair(value)) for name, value in status_of(model)]:
        screen.table([text_of("fact"), text_of("value")], status)
    screen.heading(text_of("net_heading"))
    assert model.network is not None
    model_table(model, model.network.inputs)
    if model.preparation is not None and (results := _results(facts.get("result"))):
        screen.heading(text_of("report_result"))
        result_table(results, model.task)
    if model.history:
        screen.heading(text_of("history_end"))
        history_table(model.history)
    _findings(run)
    if "command" in facts:
        screen.line()
        screen.line(text_of("report_again"))
        screen.line(f"  {facts['command']}")


def _findings(run: str) -> None:
    """Print the findings of the training, one line each, if its folder has them."""
    file = Path(run) / DIAGNOSIS_FILE
    if os.path.isdir(run) and os.path.isfile(file) and (findings := doctor.saved_diagnosis(run)).findings:
        screen.heading(text_of("report_doctor"))
        for finding in findings:
            screen.line(finding.line(settings.lang))
            if end := finding.end(settings.lang):
                screen.line(f"  {render('doctor_end', settings.lang, text=end)}")


def _results(result: object) -> list[Result]:
    """Return the results in the facts of a model file, as far as they have the form that ``train`` writes."""
    parts = result if isinstance(result, dict) else {}
    names = ("net", "boosting", "linear", "trivial")
    known = {name: parts[name] for name in names if isinstance(parts.get(name), dict)}
    return [Result(name, {k: _number(v) for k, v in part.items()}) for name, part in known.items()]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _net(words: str, inputs: int) -> None:
    """Print the layers of a network given as text."""
    if not 1 <= inputs <= MAX_INPUTS:
        raise out_of_range(inputs, "inputs", "--inputs", fact("1 to {last}", last=MAX_INPUTS))
    net = net_from_text(words, source="net")
    inputs_by_name = {"x": Spec((Size.symbol("B"), inputs), "float32")}
    screen.block(tree(fold_repeated(flow_of(net, build(net, inputs_by_name, "float32", training=True)))))
    screen.line()
    layers_table(net, inputs_by_name, "float32")
