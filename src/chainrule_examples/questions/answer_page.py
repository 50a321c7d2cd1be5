"""The page of the example ``questions``: answers beside references, and texts colored by attribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import chainrule as cr
from chainrule.inputs.questions import QuestionRows, answers, by_character, spans
from chainrule.messages import in_language
from chainrule.metrics import exact_match
from chainrule.page import markup_table, result_page
from chainrule_examples.questions.stories import Question
from chainrule_examples.questions.texts import TEXTS

LISTED, COLORED = 40, 3  # questions


def wrong_first(marked: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    """The positions of the wrong answers, then those of the right ones.

    Args:
        marked: the answers.
        references: for each the possible answers.

    Example:
        >>> wrong_first(["in 1990", "1990", "1991"], [["in 1990"], ["1991"], ["1991"]])
        [1, 0, 2]
    """
    is_right = [exact_match([answer], [own]) for answer, own in zip(marked, references, strict=True)]
    return np.argsort(is_right, kind="stable").tolist()


def answer_page(model: cr.Model, questions: Sequence[Question], rows: QuestionRows, lang: str) -> str:
    """A page of test questions: first those with a wrong answer, then others in their order.

    Args:
        model: the network.
        questions: of the test.
        rows: the same, encoded.
        lang: of the page.
    """
    texts = in_language(TEXTS, lang)
    marked, probabilities = answers(model, rows)
    listed = wrong_first(marked, [q.answers for q in questions])[:LISTED]
    table = [
        (questions[i].question, marked[i], f"{probabilities[i]:.3f}", " / ".join(questions[i].answers))
        for i in listed
    ]
    sections = [(texts["table"], markup_table(texts["header"].split(","), table), "")]
    for row in listed[:COLORED]:
        one = rows.take(np.array([row]))
        values = model.attribute(one.inputs, target=(0, spans(model, one)[0].start))
        colored = by_character(values, one).plot_html()
        sections.append((texts["why"].format(question=questions[row].question), colored, texts["legend"]))
    return result_page(texts["title"], lang, sections)
