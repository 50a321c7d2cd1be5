"""Terms and questions: complete in both languages, looked up by any name, with commands that run."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

import pytest

from chainrule.apps.cli.main import main
from chainrule.apps.cli.views.terms import resolve_question, resolve_term
from chainrule.catalog.questions import QUESTIONS
from chainrule.catalog.terms import TERMS, words_of
from chainrule.errors import UsageError
from chainrule.messages import translated

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = sorted({term.command for term in TERMS.values() if term.command})
ASKED = [command for question in QUESTIONS for command in question.commands]


def test_every_word_belongs_to_one_term() -> None:
    words = Counter(word for term in TERMS.values() for word in set(map(str.casefold, words_of(term))))
    assert [word for word, count in words.items() if count > 1] == []
    for term in TERMS.values():
        assert [resolve_term(word.upper()).name for word in words_of(term)] == [term.name] * len(
            words_of(term)
        )


def test_every_term_is_explained_in_both_languages() -> None:
    for term in TERMS.values():
        assert term.meaning.endswith("."), term.name
        assert translated(term.meaning, "zh") != term.meaning, term.name
        assert any(ord(character) > 0x3000 for character in term.title("zh") + translated(term.meaning, "zh"))
        assert set(term.see) <= set(TERMS) - {term.name}, term.name


def test_every_question_is_explained_in_both_languages() -> None:
    for question in QUESTIONS:
        assert question.title.endswith("?")
        assert translated(question.title, "zh") != question.title
        assert translated(question.response, "zh") != question.response
        assert question.commands or question.pages, question.title
        assert [page for page in question.pages if not (DOCS / f"{page}.md").is_file()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_of_a_term_runs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *words = shlex.split(command)
    assert program == "chainrule"
    assert main(words) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", ASKED)
def test_the_command_of_a_question_has_these_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)[1:]
    if words[0] == "show" and "RUN" not in words:
        assert main(words) == 0
        return
    assert main([words[0], "--help"]) == 0
    text = capsys.readouterr().out
    assert [word for word in words if word.startswith("--") and f"{word} " not in text] == []


def test_singular_and_plural_are_equal() -> None:
    assert resolve_term("Gradients").name == "gradient"
    assert resolve_term("梯度").name == "gradient"


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("gradiant", "chainrule show term gradient"),
        ("差分", "chainrule show term differential privacy"),
        ("x", "chainrule show terms"),
        ("", "chainrule show terms"),
    ],
)
def test_an_unknown_term_suggests_one(word: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_term(word)
    assert caught.value.code == "E101"
    assert fix in str(caught.value)


@pytest.mark.parametrize("index", range(len(QUESTIONS)))
def test_a_question_is_named_by_its_number_or_its_title(index: int) -> None:
    assert resolve_question(str(index + 1)) is QUESTIONS[index]
    assert resolve_question(QUESTIONS[index].title) is QUESTIONS[index]
    assert resolve_question(translated(QUESTIONS[index].title, "zh")) is QUESTIONS[index]


@pytest.mark.parametrize("words", ["0", "99", "", "no such words"])
def test_an_unknown_question_is_refused(words: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_question(words)
    assert caught.value.code == "E101"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("words", [["terms"], ["term", "softmax"], ["faq"], ["faq", "3"]])
def test_screens_are_in_the_language_of_the_user(
    words: list[str], lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *words, "--lang", lang]) == 0
    text = capsys.readouterr().out
    first = text.splitlines()[0]
    assert any(ord(character) > 0x3000 for character in first) == (lang == "zh" or words[0] == "term")
