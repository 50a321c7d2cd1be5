"""Refuse answers in doubt: a threshold of the probability, chosen on validation questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import chainrule as cr
from chainrule.data.sequences.question_input import QuestionInput
from chainrule.inputs import QuestionKind
from chainrule.inputs.questions import QuestionRows, answers
from chainrule.messages import translated
from chainrule.metrics import exact_match
from chainrule_examples.questions.baselines import encode
from chainrule_examples.questions.stories import Question
from chainrule_examples.questions.texts import TEXTS
from chainrule_examples.questions.unanswerable import Part

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
    texts, probabilities = answers(model, rows)
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
    texts, probabilities = answers(model, encode(reader, questions)[0])
    certain = np.flatnonzero(probabilities >= limit).tolist()
    right = (
        exact_match([texts[i] for i in certain], [questions[i].answers for i in certain]) if certain else 0.0
    )
    refused = float((answers(model, encode(reader, part.unanswerable)[0])[1] < limit).mean())
    facts = {"limit": limit, "kept": len(certain) / len(questions), "right": right, "refused": refused}
    return translated(TEXTS["refusal"], lang).format(**facts)
