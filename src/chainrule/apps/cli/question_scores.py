"""The metrics of a network that marks answers, on a table with the column ``answer``.

An empty cell of that column means that the passage has no answer; columns ``answer 2``, ``answer 3``, ...
have other right answers. Two questions are kept apart: how good the most probable answers are (EM and F1,
without refusals), and which answers are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.cli.question_rows import ANSWER, QuestionRows, answers, min_probability
from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.train.evaluation.answers import character_f1, exact_match


def print_question_scores(model: Model, rows: QuestionRows, table: Table, metric: Sequence[str]) -> None:
    """Print the metrics.

    Args:
        model: the network.
        rows: the questions, encoded.
        table: the same, with the column ``answer``.
        metric: of the option; the metrics of answers are fixed.

    Raises:
        UsageError E122: there is no column of answers. E601: ``--metric``.
    """
    if metric:
        raise UsageError(
            "E601", where="chainrule evaluate", option="--metric",
            expected=fact("EM and F1, without --metric"), received=f"--metric {metric[0]}",
            fix=fact("leave --metric out"),
        )  # fmt: skip
    if ANSWER not in table.columns:
        expected = fact('the column "{name}" with texts', name=ANSWER)
        received = ", ".join(table.columns)
        fix = fact('name the column of the answers "{name}"', name=ANSWER)
        raise UsageError("E122", where=table.source, expected=expected, received=received, fix=fix)
    references = _references(table)
    texts, probabilities = answers(model, rows)
    has_answer = np.array([bool(known) for known in references])
    is_given = probabilities >= min_probability(model)
    screen.line(text_of("evaluated").format(rows=len(texts), data=table.source))
    if has_answer.any():
        index = np.flatnonzero(has_answer).tolist()
        pairs = [(texts[i], references[i]) for i in index]
        _with_answer(pairs, is_given[has_answer])
    if not has_answer.all():
        refused = float(np.mean(~is_given[~has_answer]))
        text = text_of("questions_without").format(count=int(np.sum(~has_answer)), refused=refused)
        screen.line(text)


def _references(table: Table) -> list[tuple[str, ...]]:
    """The right answers to each question; none of one whose passage has no answer."""
    names = [ANSWER]
    while (name := f"{ANSWER} {len(names) + 1}") in table.columns:
        names.append(name)
    columns = [table.words(name).cast(pl.String).fill_null("").to_list() for name in names]
    return [tuple(text for text in row if text.strip()) for row in zip(*columns, strict=True)]


def _with_answer(pairs: Sequence[tuple[str, tuple[str, ...]]], is_given: np.ndarray) -> None:
    """Print EM and F1 of the questions that have an answer, and how many are answered."""
    texts, expected = [text for text, _ in pairs], [references for _, references in pairs]
    right = np.array([exact_match([text], [references]) for text, references in pairs])
    titles = [text_of(f"questions_{name}") for name in ("with", "answered", "right")]
    columns = [titles[0], "EM", "F1", *titles[1:]]
    of_given = float(right[is_given].mean()) if is_given.any() else float("nan")
    row = [len(texts), right.mean(), character_f1(texts, expected), is_given.mean(), of_given]
    screen.table(columns, [row], numbers=range(5))
