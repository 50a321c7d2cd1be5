"""Questions for a network that marks answers: a table with the columns ``passage`` and ``question``.

Metrics need the column ``answer``. An empty cell of that column means that the passage has no answer; columns
``answer 2``, ``answer 3``, ... have other right answers. Two questions are kept apart: how good the most
probable answers are (EM and F1, without refusals), and which answers are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.sequences.question_input import QuestionInput, Window
from chainrule.errors import UsageError, fact
from chainrule.escaping import quoted
from chainrule.inputs.kind import (
    Evaluation,
    InputKind,
    InputRows,
    Output,
    is_archive,
    refuse_metrics,
    stored_probability,
)
from chainrule.inputs.texts import required
from chainrule.metrics.answers import Span, best_span, character_f1, exact_match
from chainrule.model import Model
from chainrule.records import frozen

COLUMNS, ANSWER = ("passage", "question"), "answer"


@frozen(eq=False)
class QuestionRows:
    """Encoded questions.

    Args:
        inputs: of the network.
        windows: the parts of the passages that it reads.
        questions: the texts of the questions, as far as they are read.
    """

    inputs: dict[str, np.ndarray]
    windows: tuple[Window, ...]
    questions: tuple[str, ...]

    def take(self, index: np.ndarray) -> QuestionRows:
        """Return the rows in ``index``, in that order."""
        rows = np.arange(len(self.windows))[index].tolist()
        inputs = {name: array[rows] for name, array in self.inputs.items()}
        windows = tuple(self.windows[i] for i in rows)
        return QuestionRows(inputs, windows, tuple(self.questions[i] for i in rows))

    @staticmethod
    def of(
        reader: QuestionInput, passages: Sequence[str], questions: Sequence[str], where: Sequence[str] = ()
    ) -> QuestionRows:
        """Encode questions.

        Args:
            reader: how questions and passages are read.
            passages, questions: N texts each.
            where: the position of each row, for errors.

        Raises:
            DataError: E363 an empty text. E364: a text that is too long.
        """
        inputs, windows = reader(passages, questions, where or [""] * len(passages))
        read = tuple(question[-reader.question_length :] for question in questions)
        return QuestionRows(inputs, tuple(windows), read)

    def spans(self, model: Model) -> list[Span]:
        """Return the most probable answer of each row, as a span of its window."""
        scores = np.asarray(model(self.inputs))  # (N, 2, T), or (N, 2, T + 1): the last means no answer
        has_none = scores.shape[-1] > self.inputs["passage"].shape[1]
        return [
            best_span(own, len(window.text), none=own[:, -1] if has_none else None)
            for own, window in zip(scores, self.windows, strict=True)
        ]

    def answers(self, model: Model) -> tuple[list[str], np.ndarray]:
        """Return the text of each answer, and its probability, (N,)."""
        spans = self.spans(model)
        pairs = zip(spans, self.windows, strict=True)
        texts = [window.text[span.start : span.stop] for span, window in pairs]
        return texts, np.array([span.probability for span in spans])

    def by_character(self, attribution: Attribution) -> Attribution:
        """Return the attribution of one row as one text: the question, then the part of the passage read.

        The values of a character are its own and those of its features.
        """
        passage, question = self.windows[0].text, self.questions[0]
        values = attribution.values
        own = values["passage"]
        if "features" in values:
            own = own + values["features"].sum(axis=-1)
        both = np.concatenate([values["question"][:, : len(question)], own[:, : len(passage)]], 1)
        numbers = [self.inputs["question"][:, : len(question)], self.inputs["passage"][:, : len(passage)]]
        return replace(
            attribution,
            values={"text": both},
            inputs={"text": np.concatenate(numbers, 1)},
            errors=None,
            words=((*question, *passage),),
        )


@frozen
class QuestionKind(InputKind):
    """Questions about passages.

    Args:
        reader: how questions and passages are read.
        min_probability: the probability below which an answer is refused, from 0 to 1.
    """

    name = "questions"
    reader: QuestionInput
    min_probability: float = 0.0

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that stores how it reads questions."""
        reader = QuestionInput.from_record(model.facts.get("questions"))
        smallest = stored_probability(model.facts.get("min_probability"), 0.0)
        return None if reader is None else cls(reader, smallest)

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return a table with the columns ``passage`` and ``question`` (E313) and rows (E343)."""
        return None if is_archive(data) else required(read_source(data, reading), COLUMNS)

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the columns of the passage and of the question about it."""
        return COLUMNS

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the encoded questions; E363, E364: an empty text, or one that is too long, with its line."""
        passages, questions = (table.words(name).cast(pl.String).fill_null("").to_list() for name in COLUMNS)
        places = [table.place(row) for row in range(table.rows)]
        rows = QuestionRows.of(self.reader, passages, questions, places)
        return InputRows(self, rows.inputs, answers_in(table, rows), table.rows, table, rows)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return a column that a table needs."""
        return fact(
            'the column "{name}" with texts', name=COLUMNS[1]
        ), f"chainrule predict {quoted(run)} questions.csv"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the column of the answers."""
        return fact('name the column of the answers "{name}"', name=ANSWER)

    @property
    def facts(self) -> dict[str, Any]:
        """How questions are read, and the smallest probability of an answer."""
        return {"questions": self.reader.to_record(), "min_probability": self.min_probability}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("answers: --out, --only-predictions, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return the answers and their probabilities; one below the smallest probability is empty."""
        texts, probabilities = rows.parts.answers(model)
        is_given = probabilities >= self.min_probability
        cells = [text if likely else "" for text, likely in zip(texts, is_given, strict=True)]
        columns = {"prediction": np.array(cells, object), "probability": probabilities}
        return Output(columns, out, is_by_row=True)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation:
        """Return EM and F1 of the questions that have an answer, and how many of all are answered.

        Raises:
            UsageError E122: there is no column of answers. E601: ``metrics`` are requested.
        """
        table = rows.cells
        assert table is not None
        _refuse(table, metrics)
        references = _references(table)
        texts, probabilities = rows.parts.answers(model)
        has_answer = np.array([bool(known) for known in references])
        is_given = probabilities >= self.min_probability
        scores: dict[str, float] = {}
        if has_answer.any():
            index = np.flatnonzero(has_answer).tolist()
            pairs = [(texts[i], references[i]) for i in index]
            scores = _with_answer(pairs, is_given[has_answer])
        if has_answer.all():
            return Evaluation(scores)
        count, refused = int(np.sum(~has_answer)), float(np.mean(~is_given[~has_answer]))
        template = "questions without an answer in their passage: {count:,}; refused: {refused:.1%}"
        return Evaluation(scores, (fact(template, count=count, refused=refused),))

    def attribution_target(self, model: Model, row: InputRows) -> tuple[int, int]:
        """Return the first character of the answer: why it starts there."""
        return 0, row.parts.spans(model)[0].start

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        """Return the attribution as that of one text, see ``QuestionRows.by_character``."""
        return row.parts.by_character(attribution)


def answers_in(table: Table, rows: QuestionRows) -> np.ndarray | None:
    """Start and end of the answers in the column ``answer``, (N, 2); ``None`` without the column.

    For an empty answer, and one that is not in the window, both are the position after the last of the input.
    """
    if ANSWER not in table.columns:
        return None
    none = rows.inputs["passage"].shape[1]
    targets = np.full((len(rows.windows), 2), none)
    cells = table.words(ANSWER).cast(pl.String).fill_null("").to_list()
    for row, (answer, window) in enumerate(zip(cells, rows.windows, strict=True)):
        start = window.text.find(answer) if answer.strip() else -1
        if start >= 0:
            targets[row] = start, start + len(answer) - 1
    return targets


def _refuse(table: Table, metrics: Sequence[str]) -> None:
    """Refuse requested metrics, and a table without answers."""
    refuse_metrics(metrics, "EM, F1")
    if ANSWER not in table.columns:
        raise UsageError(
            "E122",
            where=table.source,
            expected=fact('the column "{name}" with texts', name=ANSWER),
            received=", ".join(table.columns),
            fix=fact('name the column of the answers "{name}"', name=ANSWER),
        )


def _references(table: Table) -> list[tuple[str, ...]]:
    """Return the right answers to each question; none of one whose passage has no answer."""
    names = [ANSWER]
    while (name := f"{ANSWER} {len(names) + 1}") in table.columns:
        names.append(name)
    columns = [table.words(name).cast(pl.String).fill_null("").to_list() for name in names]
    return [tuple(text for text in row if text.strip()) for row in zip(*columns, strict=True)]


def _with_answer(pairs: Sequence[tuple[str, tuple[str, ...]]], is_given: np.ndarray) -> dict[str, float]:
    """Return EM and F1 of the questions that have an answer, and how many are answered."""
    texts, expected = [text for text, _ in pairs], [references for _, references in pairs]
    right = np.array([exact_match([text], [references]) for text, references in pairs])
    return {
        fact("questions with an answer"): len(texts),
        "EM": right.mean(),
        "F1": character_f1(texts, expected),
        fact("answered"): is_given.mean(),
        fact("EM of the answered"): float(right[is_given].mean()) if is_given.any() else float("nan"),
    }
