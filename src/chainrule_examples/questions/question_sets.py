"""The questions of the example: generated stories, or paragraphs of the Chinese Wikipedia, in three parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.data.datasets import Archive, open_dataset
from chainrule.errors import DataError, fact

# Stories with questions, made by a generator: who did what, where and how many, in English or Chinese.
#
# The stories are synthetic. Their people, things and places are drawn at random, and so is what happens, so
# that nothing can be answered by knowledge: people walk several times (the last place counts) and buy things.
# The people of validation and test stories occur in no training story.
#
# Reference: Weston et al. (2015), Towards AI-complete question answering: a set of prerequisite toy tasks.

PEOPLE = {
    "en": "Anna Ben Clara David Emma Frank Grace Henry Iris Jack Kate Leo Mary Noah Paul Rosa Sam Tina Ugo",
    "zh": " ".join(a + b for a in "王李张刘陈杨赵黄周吴" for b in "明红刚丽芳强伟洋静帆"),
}
PLACES = {
    "en": "kitchen garden school office park market station library museum hospital",
    "zh": "厨房 花园 学校 办公室 公园 市场 车站 图书馆 博物馆 医院",
}
THINGS = {
    "en": "apples pears books pens cups lamps coats keys letters stamps",
    "zh": "苹果 梨 书 笔 杯子 灯 大衣 钥匙 信 邮票",
}
NUMBERS = {"en": "two three four five six seven eight nine ten", "zh": "两 三 四 五 六 七 八 九 十"}
SENTENCES = {  # of the kinds of events: person a, place p, thing t, number n
    "en": {
        "go": ("{a} went to the {p}.", "{a} walked to the {p}.", "{a} is now in the {p}."),
        "buy": ("{a} bought {n} {t}.", "{a} took {n} {t}."),
    },
    "zh": {
        "go": ("{a}去了{p}。", "{a}走到{p}。", "{a}现在在{p}。"),
        "buy": ("{a}买了{n}个{t}。", "{a}拿了{n}个{t}。"),
    },
}
QUESTIONS = {  # the question and its answer
    "en": {
        "go": (("Where is {a}?", "p"), ("Who is in the {p}?", "a")),
        "buy": (("How many {t} does {a} have?", "n"), ("Who has the {t}?", "a")),
    },
    "zh": {
        "go": (("{a}在哪里？", "p"), ("谁在{p}？", "a")),
        "buy": (("{a}有多少个{t}？", "n"), ("谁有{t}？", "a")),
    },
}
EVENTS, SPACE = (4, 7), {"en": " ", "zh": ""}
PEOPLE_OF = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}  # which of five people are in them


SENTENCE_ENDS = frozenset("。！？!?.\n")
INTERROGATIVES = tuple(
    "哪一年 幾 几 多少 何時 誰 谁 哪裡 哪里 哪 什麼 什么 何 where who how when which".split()
)


class Question(NamedTuple):
    """A question about a passage.

    Args:
        passage, question: the texts.
        answers: possible answers; each is a part of the passage.
        starts: where they begin.
    """

    passage: str
    question: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]


def stories(count: int, lang: str, part: str, answerable: bool = True) -> list[Question]:
    """Questions about stories, each about another story.

    Args:
        count: the number of questions.
        lang: ``"en"`` or ``"zh"``.
        part: ``"train"``, ``"validation"`` or ``"test"``; each has people of its own.
        answerable: whether the story has the answer; otherwise the question is about an empty place, a thing
            that was not bought, or not by this one, or someone who went nowhere.

    Example:
        >>> stories(1, "en", "train")[0].question
        'Who has the pears?'
    """
    draw = np.random.default_rng(
        list(PEOPLE_OF).index(part) if answerable else [list(PEOPLE_OF).index(part), 1]
    )
    people = [name for i, name in enumerate(PEOPLE[lang].split()) if i % 5 in PEOPLE_OF[part]]
    return [_story(lang, people, draw, answerable) for _ in range(count)]


def _story(lang: str, people: Sequence[str], draw: np.random.Generator, answerable: bool) -> Question:
    """A story whose last event about the person or thing of the question decides the answer, or none does."""

    def pick(values: Sequence[str]) -> str:
        return values[int(draw.integers(len(values)))]

    actors = draw.permutation(people)[:3].tolist()
    places, things = (draw.permutation(words[lang].split()).tolist() for words in (PLACES, THINGS))
    text, events = "", []
    for _ in range(draw.integers(*EVENTS)):
        event = {"a": pick(actors), "p": places.pop(), "t": things.pop(), "n": pick(NUMBERS[lang].split())}
        kind = pick(["go", "buy"])
        sentence = pick(SENTENCES[lang][kind])
        text += SPACE[lang] * bool(text)
        starts = {key: len(text) + _offset(sentence, event, key) for key in event}
        text += sentence.format(**event)
        events.append((kind, event, starts))
    if not answerable:
        return Question(text, _undecided(lang, actors, events, draw), (), ())
    kind, event, starts = _still_true(events, draw)
    question, key = QUESTIONS[lang][kind][draw.integers(len(QUESTIONS[lang][kind]))]
    return Question(text, question.format(**event), (event[key],), (starts[key],))


def _undecided(lang: str, actors: Sequence[str], events: list, draw: np.random.Generator) -> str:
    """A question that the events do not decide."""
    last = {event["a"]: event["p"] for kind, event, _ in events if kind == "go"}
    # a dict: the order of a set of strings differs between two processes
    bought = dict.fromkeys((event["a"], event["t"]) for kind, event, _ in events if kind == "buy")
    places, things = (words[lang].split() for words in (PLACES, THINGS))
    empty = [place for place in places if place not in last.values()]
    unsold = [thing for thing in things if thing not in {t for _, t in bought}]
    others = [(a, t) for a in actors for t in (*unsold[:1], *(t for _, t in bought)) if (a, t) not in bought]
    (where, _), (who, _) = QUESTIONS[lang]["go"]
    (many, _), (has, _) = QUESTIONS[lang]["buy"]
    kinds = [
        [where.format(a=a) for a in actors if a not in last],
        [who.format(p=p) for p in empty],
        [many.format(a=a, t=t) for a, t in others],
        [has.format(t=t) for t in unsold],
    ]
    some = [kind for kind in kinds if kind]
    kind = some[int(draw.integers(len(some)))]
    return kind[int(draw.integers(len(kind)))]


def _still_true(events: list, draw: np.random.Generator) -> tuple:
    """An event that no later one has replaced: people are at one place, and keep what they bought."""
    last = {
        (kind, event["a"] if kind == "go" else event["t"]): (kind, event, starts)
        for kind, event, starts in events
    }
    return list(last.values())[draw.integers(len(last))]


def _offset(sentence: str, event: dict[str, str], key: str) -> int:
    """Where the value of a field begins in a sentence; 0 if it has none."""
    before = sentence.partition(f"{{{key}}}")[0]
    return len(before.format(**event)) if f"{{{key}}}" in sentence else 0


# DRCD: questions about paragraphs of the Chinese Wikipedia, split by article.
#
# The published development and test files share articles, so both are pooled, and 80, 10 and 10 percent of
# the articles are training, validation and test articles. No paragraph of a test article is seen in training.
#
# Reference: Shao, Liu, Lai, Tseng and Tsai (2018), DRCD: a Chinese machine reading comprehension dataset.

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
        for part, count in zip(PEOPLE_OF, sizes, strict=True)
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
