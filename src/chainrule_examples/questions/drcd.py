"""DRCD: questions about paragraphs of the Chinese Wikipedia, split by article.

The published development and test files share articles, so both are pooled, and 80, 10 and 10 percent of the
articles are training, validation and test articles. No paragraph of a test article is seen in training.

Reference: Shao, Liu, Lai, Tseng and Tsai (2018), DRCD: a Chinese machine reading comprehension dataset.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.data.datasets import Archive, open_dataset
from chainrule.errors import DataError, fact
from chainrule_examples.questions.stories import Question

FILES = ("DRCD_dev.json", "DRCD_test.json")
MIN_ARTICLES = 10


def read_drcd(data: str, seed: int = 0) -> tuple[list[Question], list[Question], list[Question]]:
    """Training, validation and test questions.

    Args:
        data: archive or folder of the repository; empty: a copy is looked for or downloaded.
        seed: of the split.

    Raises:
        DataError: as ``open_dataset``; E316 a file of another form; E331 too few articles.
    """
    archive = open_dataset("questions", data)
    articles: dict[str, list[Question]] = {}
    for name in FILES:
        for title, question in _questions(archive, name):
            articles.setdefault(title, []).append(question)
    if len(articles) < MIN_ARTICLES:
        expected = fact("at least {count} articles", count=MIN_ARTICLES)
        raise DataError("E331", where=str(archive.path), expected=expected, received=len(articles))
    titles = sorted(articles)
    order = np.random.default_rng(seed).permutation(len(titles)).tolist()
    tenth = max(1, len(titles) // 10)
    parts = order[2 * tenth :], order[tenth : 2 * tenth], order[:tenth]
    train, validation, test = ([q for i in part for q in articles[titles[i]]] for part in parts)
    return train, validation, test


def _questions(archive: Archive, name: str) -> Iterator[tuple[str, Question]]:
    """The questions of a file, each with the title of its article.

    Raises:
        DataError E316: the file has another form, or an answer is not in its paragraph.
    """
    try:
        for article in json.loads(archive.text(name))["data"]:
            entries = [(p["context"], entry) for p in article["paragraphs"] for entry in p["qas"]]
            yield from ((str(article["title"]), _question(*pair)) for pair in entries)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        where = f"{archive.path}/{name}"
        expected = "data[].paragraphs[].qas[].answers[]"
        raise DataError("E316", where=where, expected=expected, received=str(error)[:80]) from error


def _question(passage: str, entry: Any) -> Question:
    """A question with its distinct answers.

    Raises:
        ValueError: an answer is not at its place.
    """
    places = [(str(answer["text"]), int(answer["answer_start"])) for answer in entry["answers"]]
    wrong = [text for text, start in places if not text or passage[start:][: len(text)] != text]
    if wrong or not places:
        raise ValueError(f"{entry['id']}: {''.join(wrong[:1])}"[:80])
    answers = dict(places)
    return Question(str(passage), str(entry["question"]), tuple(answers), tuple(answers.values()))
