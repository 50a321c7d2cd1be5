"""Screens of terms and questions: one of them, or a list of all."""

from __future__ import annotations

from difflib import get_close_matches

from chainrule.apps.cli.texts import text_of
from chainrule.catalog.questions import QUESTIONS, Question
from chainrule.catalog.terms import TERMS, Term, words_of
from chainrule.errors import UsageError, fact
from chainrule.messages import join_facts, translated
from chainrule.notation.text_columns import aligned
from chainrule.page import screen
from chainrule.settings import settings

WORDS = ("term", "terms")
QUESTION_WORDS = ("faq",)


def show_terms() -> None:
    """Print the names of all terms in both languages, with the beginning of their meaning."""
    screen.line(text_of("terms"), "bold")
    other = "en" if settings.lang == "zh" else "zh"
    for row in aligned([(term.title(settings.lang), term.title(other)) for term in TERMS.values()]):
        screen.line(f"  {row}")
    screen.note("chainrule show term backpropagation")


def show_term(name: str) -> None:
    """Print the meaning of a term; E101 suggests the closest."""
    term, lang = resolve_term(name), settings.lang
    other = "en" if lang == "zh" else "zh"
    screen.line(f"{term.title(lang)}  {term.title(other)}", "bold")
    screen.block(translated(term.meaning, lang))
    if term.see:
        titles = [TERMS[related].title(lang) for related in term.see]
        _labeled("term_see", join_facts(", ", titles, "list").render(lang))
    if term.command:
        _labeled("term_command", term.command)


def resolve_term(name: str) -> Term:
    """Return the term with this name or alias in either language (E101)."""
    key = name.strip().casefold()
    words = {word.casefold(): term for term in TERMS.values() for word in words_of(term)}
    words |= {term.name.casefold(): term for term in TERMS.values()}
    if key in words:
        return words[key]
    singular = words.get(key.removesuffix("s"))
    if singular is not None:
        return singular
    inside = next((term for word, term in words.items() if len(key) > 1 and key in word), None)
    close = next((words[word] for word in get_close_matches(key, words, 1, 0.7)), inside)
    raise UsageError(
        "E101",
        where="chainrule show term",
        name=name[:80],
        expected=fact("the name of a term"),
        received=name[:80],
        fix=f"chainrule show term {close.name}" if close is not None else "chainrule show terms",
    )


def show_questions() -> None:
    """Print all questions with their numbers."""
    screen.line(text_of("questions"), "bold")
    rows = [(str(i), translated(question.title, settings.lang)) for i, question in enumerate(QUESTIONS, 1)]
    for row in aligned(rows, (0,)):
        screen.line(f"  {row}")
    screen.note("chainrule show faq 1")


def show_question(words: str) -> None:
    """Print the response to a question, by its number or by words in it (E101)."""
    question, lang = resolve_question(words), settings.lang
    screen.line(translated(question.title, lang), "bold")
    screen.block(translated(question.response, lang))
    for command in question.commands:
        screen.line(f"  {command}")
    if question.pages:
        _labeled("question_pages", " ".join(f"docs/{page}.md" for page in question.pages))


def resolve_question(words: str) -> Question:
    """Return the question with this number, or the first that has all of these words (E101)."""
    if words.isdecimal() and 1 <= int(words) <= len(QUESTIONS):
        return QUESTIONS[int(words) - 1]
    parts = [] if words.isdecimal() else words.casefold().split()
    by_title = next((q for q in QUESTIONS if parts and _contains(q.title, parts)), None)
    by_text = next((q for q in QUESTIONS if parts and _contains(q.response, parts)), None)
    question = by_title or by_text
    if question is not None:
        return question
    expected = fact("a number from 1 to {last}, or words of a question", last=len(QUESTIONS))
    raise UsageError(
        "E101",
        where="chainrule show faq",
        name=words[:80],
        expected=expected,
        received=words[:80],
        fix="chainrule show faq",
    )


def _contains(text: str, words: list[str]) -> bool:
    """Return whether a text, or its translation, contains all of these words."""
    return any(
        all(word in version.casefold() for word in words) for version in (text, translated(text, "zh"))
    )


def _labeled(key: str, text: str) -> None:
    """Print a label and a text."""
    screen.line(f"{text_of(key)}：{text}" if settings.lang == "zh" else f"{text_of(key)}: {text}")
