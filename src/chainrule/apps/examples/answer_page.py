"""The page of the example ``questions``: answers beside references, and texts colored by attribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import chainrule as cr
from chainrule.apps.cli.question_rows import QuestionRows, answers, by_character, spans
from chainrule.apps.examples.questions_texts import TEXTS
from chainrule.apps.examples.result_page import markup_table, result_page
from chainrule.apps.examples.stories import Question
from chainrule.train.evaluation.answers import exact_match

LISTED, COLORED = 40, 3  # questions


def answer_page(model: cr.Model, questions: Sequence[Question], rows: QuestionRows, lang: str) -> str:
    """A page of the first test questions.

    Args:
        model: the network.
        questions: of the test.
        rows: the same, encoded.
        lang: of the page.
    """
    texts = {key: pair[lang == "zh"] for key, pair in TEXTS.items()}
    listed = np.arange(min(LISTED, len(questions)))
    marked, probabilities = answers(model, rows.take(listed))
    table = [
        (q.question, answer, round(float(p), 3), " / ".join(q.answers))
        for q, answer, p in zip(questions, marked, probabilities, strict=False)
    ]
    table.sort(key=lambda row: exact_match([row[1]], [row[3].split(" / ")]))
    sections = [(texts["table"], markup_table(texts["header"].split(","), table), "")]
    for row in range(min(COLORED, len(questions))):
        one = rows.take(np.array([row]))
        values = model.attribute(one.inputs, target=(0, spans(model, one)[0].start))
        colored = by_character(values, one).plot_html()
        sections.append((texts["why"].format(question=questions[row].question), colored, texts["legend"]))
    return result_page(texts["title"], lang, sections)
