"""Texts of another kind are predicted as unknown by the tokens that they consist of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.robustness import is_unlike, stored_gate, with_novelty_gate
from chainrule.tabular.predicted_columns import prediction_columns
from chainrule.train.model_state import NOVELTY_GATE
from chainrule.uncertainty import UNKNOWN
from chainrule_examples.score_table import _gated

LENGTH = 24
WORDS = "the a good bad book film hotel meal was is very not and quiet slow story end food 3 long".split()
FOREIGN = [
    "84 93 17 22 81 40",
    "{x[0]: y}; (a + b) * c",
    "Ωμέγα και άλφα",
    "这本书很好看我很喜欢",
    "ZZZQ XXJ KKV",
]


def texts(count: int, seed: int) -> list[str]:
    """Texts of some words, one more common than the next."""
    draw = np.random.default_rng(seed)
    p = 1 / np.arange(1, len(WORDS) + 1)
    return [" ".join(draw.choice(WORDS, draw.integers(2, 6), p=p / p.sum())) for _ in range(count)]


def encoded(tokenizer: cr.Tokenizer, rows: list[str]) -> dict[str, np.ndarray]:
    """The tokens of texts by the name of the input."""
    return {"text": cr.pad_sequences(tokenizer.encode_all(rows), LENGTH, truncate=True).values}


@pytest.fixture(scope="module")
def model() -> cr.Model:
    known = texts(600, 0)
    tokenizer = cr.Tokenizer.learn(known, "character")
    net = cr.Parallel(text=cr.Sequential(cr.Embedding(tokenizer.size, 8), cr.GlobalMaxPool(), cr.Dense(1)))
    own = cr.Model(net, "binary_cross_entropy", cr.Adam(0.02), tokenizer=tokenizer)
    y = np.array(["pos" if "good" in text else "neg" for text in known])
    own.fit(encoded(tokenizer, known), y, epochs=2, seed=0, verbose=False, doctor=False)
    return _gated(own, (encoded(tokenizer, known), encoded(tokenizer, texts(300, 1))), 0)


def test_other_texts_are_unknown_and_those_like_the_training_are_not(model: cr.Model) -> None:
    tokenizer = model.tokenizers[""]
    assert stored_gate(model.state) is not None  # rows by the name of one input are counted
    foreign = prediction_columns(model, encoded(tokenizer, FOREIGN), False)["prediction"]
    assert foreign.tolist() == [UNKNOWN] * len(FOREIGN)
    own = prediction_columns(model, encoded(tokenizer, texts(1000, 2)), False)["prediction"]
    assert (own == UNKNOWN).mean() < 0.03


def test_known_letters_in_another_order_are_unknown(model: cr.Model) -> None:
    gate, own = stored_gate(model.state), texts(200, 4)
    assert gate is not None
    turned = [" ".join(word[::-1] for word in text.split()) for text in own if len(text) > 12]
    assert is_unlike(model.state, gate, encoded(model.tokenizers[""], turned)).mean() > 0.8


def test_what_a_decoder_generates_is_not_compared() -> None:
    own = texts(100, 0)
    tokenizer = cr.Tokenizer.learn(own, "character")
    net = cr.models.transformer("small", tokenizer.size, width=8, depth=1, heads=2, units=8)
    model = cr.Model(net, cr.CrossEntropy(ignore_index=0), tokenizer=tokenizer, metrics=[])
    tokens = encoded(tokenizer, own)["text"]
    x = {"source": tokens, "target": tokens}
    model.fit(x, tokens, epochs=1, verbose=False, doctor=False)
    gate = stored_gate(with_novelty_gate(model.state, x, x))
    assert gate is not None
    started = {"source": tokens, "target": np.zeros_like(tokens)}
    assert is_unlike(model.state, gate, started).mean() <= 0.02


def test_a_row_alone_is_refused_as_in_a_batch(model: cr.Model) -> None:
    gate, x = stored_gate(model.state), encoded(model.tokenizers[""], [*FOREIGN, *texts(20, 3)])
    assert gate is not None
    alone = [is_unlike(model.state, gate, {"text": row[None]})[0] for row in x["text"]]
    assert is_unlike(model.state, gate, x).tolist() == alone
    assert len(set(alone)) == 2


def test_the_command_names_a_typed_text_unknown(
    model: cr.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "model.safetensors")
    model.save(file)
    assert main(["predict", file, "--text", FOREIGN[0], "--text", "the book was very good"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith(UNKNOWN)
    assert not lines[2].endswith(UNKNOWN)


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.pop("mean"),
        lambda entry: entry.update(source="image"),
        lambda entry: entry.update(source=3),
        lambda entry: entry["between"].update(data="AAAA"),
        lambda entry: entry.update(within=entry["mean"]),
        lambda entry: entry.update(kinds=entry["counts"]),
        lambda entry: entry.update(pairs=entry["kinds"]),
        lambda entry: entry.update(usual=entry["mean"]),
        lambda entry: entry.update(level=None),
        lambda entry: entry.update(name="other"),
    ],
)
def test_a_damaged_gate_of_tokens_is_none(model: cr.Model, change: Callable[[Any], object]) -> None:
    gate = stored_gate(model.state)
    assert gate is not None
    record = gate.record()
    change(record["scores"][0])
    damaged = cr.Model.of(model.state)
    damaged.state.facts[NOVELTY_GATE] = record  # type: ignore[index]  # facts of a file
    try:
        assert stored_gate(damaged.state) is None
    finally:
        damaged.state.facts[NOVELTY_GATE] = gate.record()  # type: ignore[index]


def test_the_rate_of_false_alarms_is_that_of_the_request(model: cr.Model) -> None:
    tokenizer = model.tokenizers[""]
    x = [encoded(tokenizer, texts(n, seed)) for n, seed in ((600, 0), (400, 5), (1000, 6))]
    state = with_novelty_gate(model.state, x[0], x[1], false_alarms=0.1)
    gate = stored_gate(state)
    assert gate is not None
    assert gate.false_alarms == pytest.approx(0.1)
    assert 0.05 < is_unlike(state, gate, x[2]).mean() < 0.16
