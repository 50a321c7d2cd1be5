"""The questions of the example in three parts, each with questions whose passage has no answer.

A network that saw only questions with an answer marks something for every question. Here it also sees
questions about another text: for DRCD another paragraph, in turn the next one, mostly of the same article,
and one of another article; for stories someone, a place or a thing of which the story does not decide.

Reference: Rajpurkar, Jia and Liang (2018), Know what you don't know: unanswerable questions for SQuAD (ACL).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chainrule_examples.questions.drcd import read_drcd
from chainrule_examples.questions.stories import PARTS, Question, stories


class Part(NamedTuple):
    """Training, validation or test questions.

    Args:
        questions: each has an answer in its passage.
        unanswerable: none has.
    """

    questions: list[Question]
    unanswerable: list[Question]


def question_parts(set: str, lang: str, data: str, sizes: Sequence[int]) -> tuple[Part, ...]:
    """Training, validation and test questions.

    Args:
        set: ``"stories"`` or ``"drcd"``.
        lang: of the stories.
        data: copy of DRCD, see ``read_drcd``.
        sizes: numbers of the stories with an answer; there are half as many without one.

    Raises:
        DataError: as ``read_drcd``.
    """
    if set == "drcd":
        return tuple(Part(part, list(about_other_texts(part))) for part in read_drcd(data))
    return tuple(
        Part(stories(count, lang, part), stories(max(1, count // 2), lang, part, answerable=False))
        for part, count in zip(PARTS, sizes, strict=True)
    )


def question_rows(questions: Sequence[Question]) -> list[list[str]]:
    """The header and the rows of a table that ``evaluate`` reads: a column for each possible answer.

    Example:
        >>> question_rows([Question("It is red.", "Which color?", ("red", "is red"), (6, 3))])[0]
        ['passage', 'question', 'answer', 'answer 2']
    """
    count = max(1, *(len(set(question.answers)) for question in questions))
    header = ["passage", "question", "answer", *(f"answer {i}" for i in range(2, count + 1))]
    rows = []
    for question in questions:
        known = list(dict.fromkeys(question.answers))  # without repetitions
        rows.append([question.passage, question.question, *known, *[""] * (count - len(known))])
    return [header, *rows]


def about_other_texts(questions: Sequence[Question]) -> Iterator[Question]:
    """Every second question with another passage that does not contain its answers.

    Args:
        questions: those about one text follow each other.

    Yields:
        in turn with the next text of the list, and with one half the list away; fewer if all texts have the
        answers.
    """
    count = len(questions)
    for i in range(0, count, 2):
        start = i + 1 if i % 4 == 0 else i + count // 2
        own = questions[i]
        others = (questions[(start + step) % count].passage for step in range(count))
        passage = next((p for p in others if p != own.passage and not _contains(p, own)), None)
        if passage is not None:
            yield Question(passage, own.question, (), ())


def _contains(passage: str, question: Question) -> bool:
    return any(answer in passage for answer in question.answers)
