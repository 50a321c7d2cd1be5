"""Answers: the encoding of questions, baselines, refusals of answers in doubt, and the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

import chainrule as cr
from chainrule.data import QuestionInput
from chainrule.inputs import QuestionKind, QuestionRows
from chainrule.messages import Text, Texts, in_language, translated
from chainrule.metrics import SampledScore, character_f1, exact_match, mean_score
from chainrule.page import markup_table, result_page
from chainrule_examples import COMMON
from chainrule_examples.questions.question_sets import Part, Question, question_rows
from chainrule_examples.questions.reading_baseline import READER
from chainrule_examples.score_table import csv_text

OPTIONS: Texts = {
    **COMMON,
    "set": "generated stories, or drcd: paragraphs of an encyclopedia",
    "data": "archive or folder of DRCD; default: a download",
    "long": "larger network and longer training",
    "seeds": "number of trainings; 0: 3, or 1 for drcd",
}
TEXTS: Texts = {
    "data": (
        "{0:,} training, {2:,} validation, {4:,} test questions\n"
        "and {1:,}, {3:,}, {5:,} whose passage has no answer"
    ),
    "done": "seed {seed}: {size:,} parameters, validation EM {EM:.3f}, F1 {F1:.3f}",
    "refusal": (
        "Answers with a probability below {limit:.3f} are refused: {kept:.1%} of the questions are\n"
        "answered, {right:.1%} of them exactly. Without an answer, {refused:.1%} are refused."
    ),
    "stories": (
        "A generator with a few dozen words writes the stories: scores of real texts are far lower.\n"
        "For those, see --set drcd."
    ),
    "drcd": (
        "Every question was written for its paragraph, which has the answer; often a text has none.\n"
        "The network marks a part of the text by its form and does not check facts."
    ),
    "title": "Questions and answers",
    "table": "Test questions, confident wrong answers first",
    "header": "question,answer,probability,reference,passage",
    "none": "Questions without an answer in their passage, the largest probability first",
    "none_header": "question,answer,probability,passage",
    "refused": "refused: {answer}",
    "why": "Why the answer begins there: {question}",
    "legend": "The question, then the part of the passage that is read.",
}


# Baselines that answer questions without learning, and the encoding of questions for training.

METHODS: tuple[Text, ...] = ("random clause", "clause with most in common", READER)
_CLAUSE = re.compile(r"[^，。！？；：、,!?;:.\n]+")


def random_clauses(questions: Sequence[Question], seed: int) -> list[str]:
    """A random clause of each passage."""
    draw = np.random.default_rng(seed)
    return [clauses[draw.integers(len(clauses))] for clauses in map(_clauses, questions)]


def overlapping_clauses(questions: Sequence[Question]) -> list[str]:
    """The clause that has the most pairs of characters in common with the question."""
    return [
        max(_clauses(question), key=lambda clause: len(_pairs(clause) & _pairs(question.question)))
        for question in questions
    ]


def encode(reader: QuestionInput, questions: Sequence[Question]) -> tuple[QuestionRows, np.ndarray]:
    """The inputs of the network, and start and end of each answer, (N, 2).

    The target of an answer that is not in the window, or of none, is the position after the last.
    """
    rows = QuestionRows.of(reader, [q.passage for q in questions], [q.question for q in questions])
    targets = np.full((len(questions), 2), reader.passage_length)
    for row, (question, window) in enumerate(zip(questions, rows.windows, strict=True)):
        cells = {place: i for i, place in enumerate(window.places)}
        for answer, start in zip(question.answers, question.starts, strict=True):
            first, last = cells.get(start, -1), cells.get(start + len(answer) - 1, -1)
            if first >= 0 and last - first == len(answer) - 1:
                targets[row] = first, last
                break
    return rows, targets


def _clauses(question: Question) -> list[str]:
    return _CLAUSE.findall(question.passage) or [question.passage]


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


# Refuse answers in doubt: a threshold of the probability, chosen on validation questions.

KEPT = 0.95  # the share of right answers to validation questions that are above the threshold


def with_threshold(
    model: cr.Model, reader: QuestionInput, rows: QuestionRows, questions: Sequence[Question]
) -> cr.Model:
    """The model with how it reads questions, and the smallest probability of an answer.

    Args:
        model: a trained network.
        reader: of its inputs.
        rows, questions: of the validation.
    """
    texts, probabilities = rows.answers(model)
    right = [exact_match([text], [q.answers]) > 0 for text, q in zip(texts, questions, strict=True)]
    limit = float(np.quantile(probabilities[right], 1 - KEPT)) if any(right) else 0.0
    refusing = cr.Model.of(model.state)
    QuestionKind(reader, limit).attach(refusing)
    return refusing


def refusal_line(model: cr.Model, reader: QuestionInput, part: Part, lang: str) -> str:
    """How many questions with an answer are answered, and how many without one are refused."""
    kind, questions = QuestionKind.of(model), part.questions
    assert kind is not None
    limit = kind.min_probability
    texts, probabilities = encode(reader, questions)[0].answers(model)
    certain = np.flatnonzero(probabilities >= limit).tolist()
    right = (
        exact_match([texts[i] for i in certain], [questions[i].answers for i in certain]) if certain else 0.0
    )
    refused = float((encode(reader, part.unanswerable)[0].answers(model)[1] < limit).mean())
    facts = {"limit": limit, "kept": len(certain) / len(questions), "right": right, "refused": refused}
    return translated(TEXTS["refusal"], lang).format(**facts)


LISTED, UNANSWERED, COLORED = 40, 20, 3  # questions


def wrong_first(
    marked: Sequence[str], references: Sequence[Sequence[str]], probabilities: np.ndarray
) -> list[int]:
    """The positions of the wrong answers, the most probable first, then those of the right ones.

    Args:
        marked: the answers.
        references: for each the possible answers.
        probabilities: of the answers, (N,).

    Example:
        >>> wrong_first(["1990", "1990", "1991"], [["1990"], ["1991"], ["1992"]], np.array([0.9, 0.3, 0.6]))
        [2, 1, 0]
    """
    is_right = [exact_match([answer], [own]) for answer, own in zip(marked, references, strict=True)]
    return np.lexsort((-probabilities, np.array(is_right))).tolist()


def answer_page(model: cr.Model, tested: Part, rows: QuestionRows, lang: str) -> str:
    """A page of test questions: the most confident wrong answers first, and questions without an answer.

    Args:
        model: the network, with its smallest probability of an answer.
        tested: the questions of the test.
        rows: those with an answer, encoded.
        lang: of the page.
    """
    texts, kind, questions = in_language(TEXTS, lang), QuestionKind.of(model), tested.questions
    assert kind is not None
    marked, probabilities = rows.answers(model)

    def cells(question: Question, answer: str, p: float) -> tuple[str, str, str]:
        output = answer if p >= kind.min_probability else texts["refused"].format(answer=answer)
        return question.question, output, f"{p:.3f}"

    listed = wrong_first(marked, [q.answers for q in questions], probabilities)[:LISTED]
    table = [
        (*cells(q, marked[i], float(probabilities[i])), " / ".join(q.answers), q.passage)
        for i, q in ((i, questions[i]) for i in listed)
    ]
    sections = [(texts["table"], markup_table(texts["header"].split(","), table), "")]
    others = tested.unanswerable
    answers, p = encode(kind.reader, others)[0].answers(model)
    first = np.argsort(-p, kind="stable")[:UNANSWERED].tolist()
    table = [(*cells(others[i], answers[i], float(p[i])), others[i].passage) for i in first]
    sections.append((texts["none"], markup_table(texts["none_header"].split(","), table), ""))
    for row in listed[:COLORED]:
        one = rows.take(np.array([row]))
        values = model.attribute(one.inputs, target=(0, one.spans(model)[0].start))
        colored = one.by_character(values).plot_html()
        sections.append((texts["why"].format(question=questions[row].question), colored, texts["legend"]))
    return result_page(texts["title"], lang, sections)


def measure(texts: list[str], questions: list[Question]) -> dict[str, SampledScore]:
    """Exact matches and common characters; the units are the passages."""
    passages = np.array([question.passage for question in questions])
    pairs = [([text], [question.answers]) for text, question in zip(texts, questions, strict=True)]
    metrics = {"EM": exact_match, "F1": character_f1}
    return {
        name: mean_score(np.array([of(*pair) for pair in pairs]), passages) for name, of in metrics.items()
    }


def table_and_page(model: cr.Model, tested: Part, rows: QuestionRows, lang: str) -> dict[str, str]:
    """The test questions as a table, and the page of the answers."""
    questions = [question for part in tested for question in part]
    page = answer_page(model, tested, rows, lang)
    return {"test.csv": csv_text(question_rows(questions)), "answers.html": page}
