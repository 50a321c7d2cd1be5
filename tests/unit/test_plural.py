"""English sentences are singular where 1 counts, in every template with a count."""

from __future__ import annotations

import re

import pytest
from pages.translations import catalog_files, read_catalog

from case_loops import loop_over
from chainrule.apps.cli.texts import WORDS
from chainrule.data.tables.findings import SENTENCES
from chainrule.data.tables.findings import Finding as DataFinding
from chainrule.diagnosis import RULES
from chainrule.errors import fact
from chainrule.messages import English, fill
from chainrule.texts import TEXTS

TEMPLATES = {
    **{str(m.id): str(m.id) for file in catalog_files() for m in read_catalog(file) if m.id},
    **{f"command line: {key}": english for key, english in WORDS.items()},
    **{f"data: {key}": english for key, english in SENTENCES.items()},
    **{f"text: {key}": english for key, english in TEXTS.items()},
    **{
        f"rule: {rule.id}": english
        for rule in RULES.values()
        for english in ([rule.what] if isinstance(rule.what, str) else rule.what.values())
    },
}
COUNT = re.compile(r"\{(\w+)(?::,)?\} (rows|columns|classes|scores|values|levels|epochs|networks|tokens)\b")
COUNTED = {
    key: text for key, text in TEMPLATES.items() if COUNT.search(text) and not re.search(r"\{\d", text)
}


class Fields(dict[str, object]):
    """A value for some fields, and a text for all others."""

    def __missing__(self, name: str) -> str:
        return "?"


@loop_over("key", COUNTED)
def test_one_is_singular_and_more_are_as_written(key: str) -> None:
    template = re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", COUNTED[key])
    counts = COUNT.findall(COUNTED[key])
    assert counts
    for name, noun in counts:
        one, two = (fill(template, Fields({name: count})) for count in (1, 2))
        assert not re.search(rf"\b1 {noun}\b", one), one
        assert f"2 {noun}" in two


VERBS = re.compile(r"\b(are|were|have|do|repeat|differ|occur|contain|need)\b")
SUBJECT = re.compile(r"^\{(\w+)(?::[^{}]*)?\} (?:of (?:the )?\{\w+[^{}]*\} )?(?:[a-z]+ )*?[a-z]+s\b")
SENTENCES_WITH_COUNT = {
    key: text
    for key, text in TEMPLATES.items()
    if SUBJECT.match(text) and "%}" not in text.split()[0] and "{0" not in text
}


@loop_over("key", SENTENCES_WITH_COUNT)
def test_the_verb_of_a_sentence_that_begins_with_a_count_agrees(key: str) -> None:
    template = re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", SENTENCES_WITH_COUNT[key])
    name = re.findall(r"\{(\w+)\}", template)[0]
    zero, one, two = (fill(template, Fields({name: count})) for count in (0, 1, 2))
    assert zero[1:] == two[1:]
    clause = re.split(r"[.,;:(]| and | that | which ", two)[0]
    if verb := VERBS.search(clause):
        assert not re.match(rf"1 .*\b{verb[1]}\b", re.split(r"[.,;:(]| and | that | which ", one)[0]), one


@pytest.mark.parametrize(
    ("template", "values", "sentence"),
    [
        ("{n} columns are not used", {"n": 1}, "1 column is not used"),
        ("{n} columns are not used", {"n": 11}, "11 columns are not used"),
        (
            "{n} rows ({share}) repeat an earlier row",
            {"n": 1, "share": "1 rows"},
            "1 row (1 rows) repeats an earlier row",
        ),
        ("{a} training, {b} test rows", {"a": 1, "b": 1}, "1 training, 1 test row"),
        ("{n:,} other rows", {"n": 1}, "1 other row"),
        ("seed {n} is for rows", {"n": 1}, "seed 1 is for rows"),
        ("{n} texts of {source} are cut", {"n": 1, "source": "a"}, "1 text of a is cut"),
        (
            "{n} rows below the names of {s} contain x",
            {"n": 1, "s": "a"},
            "1 row below the names of a contains x",
        ),
        ("{a} rows with {b} cells have none", {"a": 3, "b": 1}, "3 rows with 1 cell have none"),
        ("{a} rows with {b} cells have none", {"a": 1, "b": 3}, "1 row with 3 cells has none"),
        ("{n} of {total} values are 0", {"n": 1, "total": 9}, "1 of 9 values is 0"),
        ("{n} of the {total} values are 0", {"n": 0, "total": 1}, "0 of the 1 value are 0"),
        ("of which {n} repeat one", {"n": 1}, "of which 1 repeats one"),
        ("{n} learning rates", {"n": 1}, "1 learning rate"),
        ("{n} rows", {"n": 1.0}, "1.0 rows"),
        ("{n} rows", {"n": True}, "True rows"),
        ("only {a} and {b} occur", {"a": "0", "b": "1"}, "only 0 and 1 occur"),
    ],
)
def test_sentences(template: str, values: dict[str, object], sentence: str) -> None:
    assert fill(template, values) == sentence
    assert English(template).format(**values) == sentence


def test_every_kind_of_text_is_filled_so() -> None:
    assert str(fact("{rows} rows", rows=1)) == "1 row"
    assert fact("{rows} rows", rows=1).render("zh")
    assert DataFinding("target_missing", "info", {"count": 1}).en == "1 row without a target is left out"
    assert English(WORDS["caution_unused"]).format(count=1, columns="a") == "1 column is not used: a."
