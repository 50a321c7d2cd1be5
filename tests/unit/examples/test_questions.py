"""The example ``questions``: stories, DRCD in its layout, training, refusal, prediction and attribution."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main as command
from chainrule.data.sequences.question_input import QuestionInput
from chainrule.errors import DataError
from chainrule_examples.questions import answers
from chainrule_examples.questions import lesson as questions
from chainrule_examples.questions.answers import encode, overlapping_clauses, random_clauses
from chainrule_examples.questions.question_sets import (
    PEOPLE,
    PEOPLE_OF,
    PLACES,
    THINGS,
    about_other_texts,
    read_drcd,
    stories,
)
from saved_scores import check_own_input, check_saved_scores

ARTICLES, QUESTIONS = 20, 6


def article(number: int) -> dict:
    """An article whose paragraphs each have a year and a place."""
    paragraphs = []
    for i in range(QUESTIONS):
        year, name = 1900 + number + i, f"王{'甲乙丙丁戊己'[i]}"
        context = f"天氣很好。{name}在{year}年出生，住在台北。後來下雨了。"
        answers = [{"text": f"{year}年", "answer_start": context.index(str(year))}] * 2
        entry = {"id": f"{number}-{i}", "question": f"{name}在哪一年出生？", "answers": answers}
        paragraphs.append({"context": context, "qas": [entry]})
    return {"title": f"文章{number}", "paragraphs": paragraphs}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the repository; half of the articles are in both."""
    for name, numbers in (("DRCD_dev.json", range(ARTICLES)), ("DRCD_test.json", range(0, ARTICLES, 2))):
        content = {"version": "1.3", "data": [article(number) for number in numbers]}
        (tmp_path / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_of_stories_are_where_they_are_said_to_be(lang: str) -> None:
    every = stories(300, lang, "train")
    assert all(q.passage[q.starts[0] :].startswith(q.answers[0]) for q in every)
    assert stories(300, lang, "train") == every
    assert len({q.question for q in every}) > 50


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_people_of_test_stories_are_in_no_training_story(lang: str) -> None:
    names = PEOPLE[lang].split()
    parts = [" ".join(q.passage for q in stories(300, lang, part)) for part in PEOPLE_OF]
    known = [{name for name in names if name in part} for part in parts]
    assert not known[0] & known[2]
    assert not known[1] & (known[0] | known[2])
    assert set().union(*known) == set(names)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_last_place_is_the_answer(lang: str) -> None:
    every = [q for q in stories(500, lang, "test") if q.question.startswith("Where") or "哪里" in q.question]
    assert len(every) > 50
    for q in every:
        name = next(name for name in PEOPLE[lang].split() if name in q.question)
        after = q.passage[q.starts[0] :]
        marks = ("went", "walked", "is now") if lang == "en" else ("去了", "走到", "现在")
        assert not any(f"{name}{' ' * (lang == 'en')}{mark}" in after for mark in marks)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_stories_do_not_decide_questions_without_an_answer(lang: str) -> None:
    """Each question is read again by its words, and the story is searched for what would answer it."""
    english = ("went to the ", "walked to the ", "is now in the ")
    marks = english if lang == "en" else ("去了", "走到", "现在在")
    bought = ("bought", "took") if lang == "en" else ("买了", "拿了")
    gap = " " if lang == "en" else ""
    places, things = (words[lang].split() for words in (PLACES, THINGS))
    every = stories(300, lang, "test", answerable=False)
    kinds = set()
    for q in every:
        people = [name for name in PEOPLE[lang].split() if name in q.question]
        place = next((p for p in places if p in q.question), None)
        thing = None if place else next((t for t in things if t in q.question), None)
        kinds.add((bool(people), place is None, thing is None))
        sentences = q.passage.replace("。", ".").split(".")
        walks = {}
        for name in PEOPLE[lang].split():
            for part in sentences:
                goal = next((p for p in places for mark in marks if f"{name}{gap}{mark}{p}" in part), None)
                walks |= {name: goal} if goal else {}
        if place is not None:
            assert place not in walks.values(), q
        elif thing is None:
            assert people[0] not in walks, q
        else:
            buyers = [part for part in sentences if thing in part and any(b in part for b in bought)]
            assert not any(person in part for person in people for part in buyers), q
            assert people or not buyers, q
    assert len(kinds) == 4
    assert all(q.answers == q.starts == () for q in every)


def test_questions_about_other_texts_have_no_answer(folder: Path) -> None:
    parts = read_drcd(str(folder))
    pairs = [pair for part in parts for pair in zip(part[::2], about_other_texts(part), strict=True)]
    assert len(pairs) > 50
    assert all(own.question == q.question and own.passage != q.passage for own, q in pairs)
    assert not any(answer in q.passage for own, q in pairs for answer in own.answers)
    assert all(q.answers == q.starts == () for _, q in pairs)


def test_articles_are_in_one_part(folder: Path) -> None:
    parts = read_drcd(str(folder))
    years = [{q.passage for q in part} for part in parts]
    assert sum(map(len, parts)) == (ARTICLES + ARTICLES // 2) * QUESTIONS
    assert not years[0] & years[2]
    assert not years[1] & years[2]
    assert all(q.answers == (q.passage[q.starts[0] :][:5],) for part in parts for q in part)


def test_targets_mark_the_answer_in_the_window(folder: Path) -> None:
    every = read_drcd(str(folder))[0]
    reader = QuestionInput.learn([text for q in every for text in q[:2]], 24, 16)
    rows, targets = encode(reader, every)
    assert (targets[:, 0] < 24).mean() > 0.9
    for q, window, (start, end) in zip(every, rows.windows, targets.tolist(), strict=True):
        assert window.text[start : end + 1] in ("", *q.answers)


def test_baselines_answer_with_a_clause_of_the_passage(folder: Path) -> None:
    every = read_drcd(str(folder))[0]
    texts, overlapping = random_clauses(every, 0), overlapping_clauses(every)
    assert all(text in q.passage for text, q in zip(texts + overlapping, every * 2, strict=True))
    assert not any("，" in text for text in texts + overlapping)
    assert all("出生" in text for text in overlapping)


@pytest.mark.long
def test_a_small_training_answers_refuses_and_is_attributed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "FORMS", {"drcd": ((24, 2, 10), (24, 2, 10))})
    monkeypatch.setattr(questions, "LENGTHS", (32, 16))
    monkeypatch.setattr(answers, "COLORED", 1)
    run = tmp_path / "run"
    questions.main(lang="zh", set="drcd", data=str(folder), out=str(run))
    assert "被拒绝" in capsys.readouterr().out
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert scores["network"]["F1"][0] > scores["random clause"]["F1"][0]
    assert 'class="words"' in (run / "answers.html").read_text(encoding="utf-8")
    assert command(["predict", str(run), str(run / "test.csv")]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert all(row["prediction"] in row["passage"] for row in rows)
    right = sum(row["prediction"] == row["answer"] for row in rows) / len(rows)
    assert right <= scores["network"]["EM"][0]
    assert min(float(row["probability"]) for row in rows if row["prediction"]) > 0
    check_typed_questions(run, rows[0], capsys)
    assert command(["attribute", str(run), str(run / "test.csv"), "--row", "2"]) == 0
    assert "text₁" in capsys.readouterr().out
    assert command(["evaluate", str(run), str(run / "test.csv"), "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert f"{scores['network']['EM'][0]:.4f}" in out
    assert "without an answer" in out
    assert command(["explain", str(run), str(run / "test.csv"), "--row", "1"]) == 0
    assert command(["evaluate", str(run), str(run / "test.csv"), "--metric", "accuracy"]) == 2
    assert "E601" in capsys.readouterr().err
    two = [f"{rows[0]['passage']},{rows[0]['question']},別的,{rows[0]['prediction'] or '答'}"]
    (tmp_path / "two.csv").write_text("\n".join(["passage,question,answer,answer 2", *two]), encoding="utf-8")
    assert command(["evaluate", str(run), str(tmp_path / "two.csv"), "--lang", "en"]) == 0
    assert "1.0000  1.0000" in capsys.readouterr().out
    (tmp_path / "none.csv").write_text("passage,question\n天氣很好。,天氣？\n", encoding="utf-8")
    assert command(["evaluate", str(run), str(tmp_path / "none.csv")]) == 2
    assert "answer" in capsys.readouterr().err
    (tmp_path / "empty.csv").write_text("passage,question\n天氣很好。,\n", encoding="utf-8")
    assert command(["predict", str(run), str(tmp_path / "empty.csv")]) == 2
    assert "E363" in capsys.readouterr().err
    (tmp_path / "other.csv").write_text("text\n天氣很好。\n", encoding="utf-8")
    assert command(["predict", str(run), str(tmp_path / "other.csv")]) == 2
    assert "E313" in capsys.readouterr().err
    assert command(["predict", str(run), str(run / "test.csv"), "--proba"]) == 2
    assert "E601" in capsys.readouterr().err


def check_typed_questions(run: Path, row: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A typed passage and question are predicted; an empty question, and a passage alone, are refused."""
    words = [["--text", row["passage"], "--text", question] for question in (row["question"], "")]
    check_own_input(run, *words, capsys, names=None)
    check_own_input(run, words[0], words[0][:2], capsys, names=None)


@pytest.mark.parametrize(
    "content", ["", "[", "[]", "{}", '{"data": 3}', '{"data": [{"title": "a", "paragraphs": [{}]}]}']
)
def test_files_of_another_form_are_refused(folder: Path, content: str) -> None:
    (folder / "DRCD_test.json").write_text(content)
    with pytest.raises(DataError, match="E316") as caught:
        read_drcd(str(folder))
    assert "DRCD_test.json" in str(caught.value)


def test_an_answer_at_another_place_is_refused_by_its_id(folder: Path) -> None:
    file = folder / "DRCD_dev.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["data"][3]["paragraphs"][2]["qas"][0]["answers"][0]["answer_start"] += 1
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match="3-2"):
        read_drcd(str(folder))


def test_too_few_articles_are_refused(folder: Path) -> None:
    for name in ("DRCD_dev.json", "DRCD_test.json"):
        (folder / name).write_text(json.dumps({"data": [article(0)]}), encoding="utf-8")
    with pytest.raises(DataError, match="E331"):
        read_drcd(str(folder))


@pytest.mark.long
def test_stories_are_learned_better_than_by_the_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "FORMS", {"stories": ((16, 2, 2), (16, 2, 2))})
    monkeypatch.setattr(questions, "SIZES", (300, 40, 40))
    monkeypatch.setattr(questions, "LENGTHS", (64, 16))
    monkeypatch.setattr(answers, "COLORED", 1)
    assert command(["example", "questions", "--seeds", "1", "--lang", "zh", "--out", str(tmp_path)]) == 0
    assert "网络" in capsys.readouterr().out
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert np.isfinite(scores["network"]["F1"][0])
    reader = "sentence by BM25, span by logistic regression"
    assert list(scores) == ["random clause", "clause with most in common", reader, "network"]
    check_saved_scores(tmp_path, tmp_path / "test.csv", "network", {"EM": "EM", "F1": "F1"}, capsys)
