"""``chainrule generate``, and the example that trains on poems."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule_examples.poems import lesson as poems
from saved_scores import check_own_input, check_saved_scores

POEMS = ["白日依山尽，黄河入海流。", "床前明月光，疑是地上霜。", "春眠不觉晓，处处闻啼鸟。"]


@pytest.fixture(scope="module")
def poet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model that has memorized three poems."""
    tokenizer = cr.Tokenizer.learn(POEMS, "character")
    x, y = cr.text_rows(tokenizer.encode_all(POEMS, ends=True), 14)
    net = cr.models.gpt2("small", tokenizer.size, 14, 0.0, width=24, depth=1, heads=2)
    loss = cr.CrossEntropy(ignore_index=0)
    model = cr.Model(net, loss, cr.Adam(0.02), metrics=[], tokenizer=tokenizer)
    model.fit(x, y, epochs=60, verbose=False)
    path = tmp_path_factory.mktemp("poet") / "model.safetensors"
    model.save(path)
    return path


def test_generate_continues_a_text(chainrule, poet: Path) -> None:
    outcome = chainrule("generate", poet, "春", "--greedy")
    assert (outcome.code, outcome.out) == (0, POEMS[2] + "\n"), outcome.err
    folder = chainrule("generate", poet.parent, "床", "--num-beams", 2)
    assert folder.out == POEMS[1] + "\n"
    options = ("--temperature", 0.8, "--top-p", 0.9, "--top-k", 20, "--seed", 0, "--max-new-tokens", 30)
    assert chainrule("generate", poet, "春", *options[:-2]).out.startswith("春")
    twice = [chainrule("generate", poet, "--samples", 3, "--temperature", 2, "--seed", 4).out for _ in "ab"]
    assert twice[0] == twice[1]
    assert twice[0].count("\n\n") == 2


REFUSED = {
    "temperature": (["--temperature", "0"], "E102", "0 < temperature"),
    "top-p": (["--top-p", "1.5"], "E102", "p <= 1"),
    "top-k": (["--top-k", "0"], "E102", "at least 1"),
    "length": (["--max-new-tokens", "99"], "E229", "--max-new-tokens 13"),
    "both": (["--num-beams", "2", "--top-p", "0.9"], "E124", "num_beams"),
    "a word for a number": (["--seed", "x"], "E601", "--seed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_options_out_of_range_are_refused(chainrule, poet: Path, what: str) -> None:
    words, code, text = REFUSED[what]
    outcome = chainrule("generate", poet, "春", *words)
    assert outcome.code == 2
    assert re.findall(r"Error (E\d+)", outcome.err) == [code]
    assert text in outcome.err
    assert outcome.out == ""


def test_unknown_characters_are_refused_with_their_positions(chainrule, poet: Path) -> None:
    outcome = chainrule("generate", poet, "春x", "--lang", "zh")
    assert outcome.code == 2
    assert "词表中没有“x”" in outcome.err
    assert "位置 1 处的“x”" in outcome.err


def test_predict_continues_each_text_of_a_table_once(chainrule, poet: Path, tmp_path: Path) -> None:
    texts = ["春", POEMS[1] * 4, "床前"]  # the second one does not fit the context of 14 tokens
    (tmp_path / "texts.csv").write_text("\n".join(["text", *texts]), encoding="utf-8")
    outcome = chainrule("predict", poet, tmp_path / "texts.csv")
    assert outcome.code == 0, outcome.err
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert [row["text"] for row in rows] == texts
    assert [rows[0]["prediction"], rows[2]["prediction"]] == [POEMS[2], POEMS[1]]
    assert rows[1]["prediction"].startswith(texts[1])


def test_a_model_of_tables_is_refused(chainrule, run: Path) -> None:
    outcome = chainrule("generate", run, "春")
    assert outcome.code == 2
    assert "E126" in outcome.err


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty poems of few characters, in the format of the npm package."""
    rng = np.random.default_rng(2)
    letters = list("山水月花春秋風雲")
    lines = ["".join(rng.choice(letters, 5)) for _ in range(160)]
    verses = [
        [f"{lines[4 * i]}，{lines[4 * i + 1]}。", f"{lines[4 * i + 2]}，{lines[4 * i + 3]}。"]
        for i in range(40)
    ]
    records = [{"title": "題", "author": "某", "paragraphs": poem} for poem in verses]
    folder = tmp_path_factory.mktemp("npm")
    (folder / "quantangshi").mkdir()
    text = json.dumps(records, ensure_ascii=False)
    (folder / "quantangshi" / "poet.tang.0.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.long
def test_the_poems_example_trains_evaluates_and_generates(
    chainrule, collection: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"width": 16, "depth": 1, "heads": 2}
    monkeypatch.setattr(poems, "LONG", poems.LONG._replace(stack=small))
    words = ("--data", collection, "--epochs", 1, "--acrostic", "春秋", "--first", "山", "--out", "run")
    outcome = chainrule("example", "poems", *words, "--lang", "zh")
    assert outcome.code == 0, outcome.err
    assert "训练 36 首，验证 2 首，测试 2 首" in outcome.out
    assert len(re.findall(r"\d\.\d{3} \(\d+\), \d\.\d{3} \(\d+\)", outcome.out)) == 3
    assert len(re.findall(r"^山", outcome.out, re.MULTILINE)) >= 3
    assert re.search("春[^秋]*.*[，。]\n?秋", outcome.out, re.DOTALL)
    assert chainrule("generate", "run", "月", "--seed", 1).out.startswith("月")
    titles = {"log-loss": "loss", "perplexity": "perplexity"}
    check_saved_scores(Path("run"), Path("run/test.csv"), "GPT", titles, capsys)
    check_own_input("run", ["--text", "春"], ["--text", ""], capsys, names=None)
    check_own_input("run", ["--text", "春"], ["--text", "hello Ω"], capsys, names=None)
    continued = chainrule("predict", "run", "run/test.csv")
    assert continued.code == 0, continued.err
    rows = list(csv.DictReader(io.StringIO(continued.out)))
    assert len(rows) == 2
    assert all(row["prediction"].startswith(row["text"]) for row in rows)


def test_the_poems_example_refuses_unknown_characters_before_training(chainrule, collection: Path) -> None:
    outcome = chainrule("example", "poems", "--data", collection, "--acrostic", "春x")
    assert outcome.code == 2
    assert "E365" in outcome.err
    assert chainrule("example", "poems", "--data", "nowhere").code == 2
