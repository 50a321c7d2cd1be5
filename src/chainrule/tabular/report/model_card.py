"""``model-card.md``: the use, the data, the scores and the limits of a model, in Markdown.

Reference: Mitchell et al. (2019), Model cards for model reporting (FAT*).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chainrule import __version__
from chainrule.escaping import markdown, printable
from chainrule.notation.number_format import cell
from chainrule.settings import settings
from chainrule.tabular.display import column_rows
from chainrule.tabular.evaluation import RESULT_METRICS
from chainrule.tabular.options import ENSEMBLE, NET
from chainrule.tabular.report.analysis import Analysis
from chainrule.tabular.report.column_importance_and_effects import importance_section
from chainrule.tabular.report.summary import Summary
from chainrule.tabular.texts import sentence, text_of
from chainrule.tabular.training_status import ending, weights_of_kinds
from chainrule.texts.sentence import Pair, text_of_pair

MAX_COLUMNS = 200  # rows of the table of columns
OPEN = ("card_open_data", "card_open_errors", "card_open_groups")  # questions to the people who use the model


def model_card(analysis: Analysis, summary: Summary) -> str:
    """Return the model card in the language of the settings."""
    prepared = analysis.prepared
    title = text_of("card_title").format(target=prepared.task.target, data=prepared.table.source)
    blocks = [
        f"# {markdown(title)}",
        *_section("card_model", [text_of_pair(summary.task), _model(analysis), *_ending(analysis)]),
        *_section("card_use", [text_of_pair(text) for text in intended_use(analysis)]),
        *_data(analysis),
        *_scores(analysis, summary),
        *_importance(analysis, summary),
        *_section("card_limits", [text_of_pair(text) for text in summary.cautions], is_list=True),
        *_section("card_open", map(text_of, OPEN), is_list=True),
        f"## {text_of('card_again')}",
        f"    {printable(analysis.options.command())}",
        markdown(text_of("card_reference")),
    ]
    return "\n\n".join(blocks) + "\n"


def intended_use(analysis: Analysis) -> list[Pair]:
    """Return what the model is for, and what it is not for."""
    return [sentence("card_use_text", data=analysis.prepared.table.source), sentence("card_no_use")]


def _section(key: str, texts: Iterable[str], is_list: bool = False) -> list[str]:
    """Return a heading with paragraphs or list items."""
    lines = [markdown(text) for text in texts]
    body = ["\n".join(f"- {line}" for line in lines)] if is_list else lines
    return [f"## {text_of(key)}", *body] if lines else []


def _model(analysis: Analysis) -> str:
    model = analysis.model
    assert model.network is not None
    net = analysis.options.net
    if net == ENSEMBLE and not analysis.plan.kinds:
        net = NET  # --quick, or images
    parts = [
        f"chainrule {__version__}",
        net,
        text_of("parameter_count").format(count=f"{model.network.count:,}"),
        text_of("how_trained").format(
            loss=analysis.prepared.head.loss,
            optimizer=model.recipe.optimizer,
            penalty=model.recipe.penalty or text_of("none"),
        ),
    ]
    return text_of("card_parts").join(parts)


def _ending(analysis: Analysis) -> list[str]:
    """Return how the training ended, and the weights of the kinds of networks."""
    kinds = weights_of_kinds(analysis.model)
    weights = [] if kinds is None else [text_of("kinds").format(kinds=text_of_pair(kinds))]
    return [text_of_pair(ending(analysis.model)), *weights]


def _data(analysis: Analysis) -> list[str]:
    prepared = analysis.prepared
    rows = text_of("card_rows").format(rows=f"{prepared.table.rows:,}")
    split = f"{rows}{analysis.plan.row_use.text}"
    fingerprint = text_of("card_fingerprint").format(fingerprint=prepared.table.fingerprint[:16])
    notices = [notice.render(settings.lang) for notice in prepared.notices]
    head = [text_of(key) for key in ("name", "kind", "missing", "summary", "why")]
    table = _table(head, column_rows(prepared.columns[:MAX_COLUMNS]))
    return [*_section("card_data", [split, fingerprint, *notices]), table]


def _scores(analysis: Analysis, summary: Summary) -> list[str]:
    kind = analysis.prepared.task.kind
    names = RESULT_METRICS[kind]
    head = ["", *(text_of(f"metric_{name}") for name in names)]
    rows = [
        [text_of(f"{result.name}_{kind}"), *(cell(float(result.values[name])) for name in names)]
        for result in analysis.results
    ]
    return [
        f"## {text_of('card_scores')}",
        _table(head, rows),
        *(markdown(text_of_pair(s)) for s in (*summary.quality, *summary.scope)),
    ]


def _importance(analysis: Analysis, summary: Summary) -> list[str]:
    if analysis.importance is None:
        return []
    measure = text_of(f"metric_{analysis.importance.measure}")
    head = [text_of("card_column"), text_of("card_importance").format(measure=measure)]
    bars = importance_section(analysis.importance)["bars"]
    table = _table(head, [[bar["name"], bar["value"]] for bar in bars])
    return [f"## {text_of('card_columns')}", *(markdown(text_of_pair(s)) for s in summary.columns), table]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *([markdown(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
