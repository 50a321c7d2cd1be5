"""Rows of questions for a network that marks answers: a table with the columns ``passage`` and ``question``.

How the model reads texts is its fact ``questions``, and the smallest probability of an answer its fact
``min_probability``. Facts come from the file and are checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from chainrule.apps.cli.text_rows import require_columns
from chainrule.attribution.attribution import Attribution
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.sequences.question_input import QuestionInput, Window
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.evaluation.answers import Span, best_span

FACT, THRESHOLD = "questions", "min_probability"
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
        """The rows in ``index``, in that order."""
        rows = np.arange(len(self.windows))[index].tolist()
        inputs = {name: array[rows] for name, array in self.inputs.items()}
        windows = tuple(self.windows[i] for i in rows)
        return QuestionRows(inputs, windows, tuple(self.questions[i] for i in rows))


def question_input(model: Model) -> QuestionInput | None:
    """How the model reads questions; ``None`` if it does not."""
    return QuestionInput.from_record(model.facts.get(FACT))


def encode_questions(
    reader: QuestionInput, passages: Sequence[str], questions: Sequence[str], where: Sequence[str] = ()
) -> QuestionRows:
    """Encode questions; see ``QuestionInput.__call__``."""
    inputs, windows = reader(passages, questions, where or [""] * len(passages))
    read = tuple(question[-reader.question_length :] for question in questions)
    return QuestionRows(inputs, tuple(windows), read)


def read_question_rows(reader: QuestionInput, table: Table) -> QuestionRows:
    """Encode the rows of a table.

    Args:
        reader: of the model.
        table: has the columns ``passage`` and ``question``.

    Raises:
        DataError: E313 a column is missing. E343 no rows. E363, E364 an empty text, or one that
        is too long; the message has its line.
    """
    require_columns(table, COLUMNS)
    passages, questions = (table.words(name).cast(pl.String).fill_null("").to_list() for name in COLUMNS)
    return encode_questions(reader, passages, questions, [table.place(row) for row in range(table.rows)])


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


def spans(model: Model, rows: QuestionRows) -> list[Span]:
    """The most probable answer of each row, as a span of its window."""
    scores = np.asarray(model(rows.inputs))  # (N, 2, T), or (N, 2, T + 1): the last means no answer
    has_none = scores.shape[-1] > rows.inputs["passage"].shape[1]
    return [
        best_span(own, len(window.text), none=own[:, -1] if has_none else None)
        for own, window in zip(scores, rows.windows, strict=True)
    ]


def answers(model: Model, rows: QuestionRows) -> tuple[list[str], np.ndarray]:
    """The text of each answer, and its probability, (N,)."""
    marked = spans(model, rows)
    texts = [window.text[span.start : span.stop] for span, window in zip(marked, rows.windows, strict=True)]
    return texts, np.array([span.probability for span in marked])


def answer_columns(model: Model, rows: QuestionRows) -> dict[str, np.ndarray]:
    """The answers and their probabilities; an answer below the smallest probability is empty."""
    texts, probabilities = answers(model, rows)
    limit = min_probability(model)
    cells = [text if p >= limit else "" for text, p in zip(texts, probabilities, strict=True)]
    return {"prediction": np.array(cells, object), "probability": probabilities}


def min_probability(model: Model) -> float:
    """The probability below which an answer is refused; 0 if the model has none."""
    smallest = model.facts.get(THRESHOLD)
    return float(smallest) if isinstance(smallest, int | float) and 0 <= smallest <= 1 else 0.0


def by_character(attribution: Attribution, rows: QuestionRows) -> Attribution:
    """The attribution of one row as one text: the question, then the part of the passage that is read.

    The values of a character are its own and those of its features.
    """
    passage, question = rows.windows[0].text, rows.questions[0]
    values = attribution.values
    own = values["passage"] + values["features"].sum(axis=-1) if "features" in values else values["passage"]
    both = np.concatenate([values["question"][:, : len(question)], own[:, : len(passage)]], 1)
    numbers = [rows.inputs["question"][:, : len(question)], rows.inputs["passage"][:, : len(passage)]]
    inputs = {"text": np.concatenate(numbers, 1)}
    words = ((*question, *passage),)
    return replace(attribution, values={"text": both}, inputs=inputs, errors=None, words=words)
