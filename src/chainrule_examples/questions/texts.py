"""Texts of the example ``questions``."""

from __future__ import annotations

from chainrule.messages import Texts
from chainrule_examples import COMMON

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
    "table": "Test questions, wrong answers first",
    "header": "question,answer,probability,reference",
    "why": "Why the answer begins there: {question}",
    "legend": "The question, then the part of the passage that is read.",
}
