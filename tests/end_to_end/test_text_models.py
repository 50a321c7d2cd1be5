"""A classifier of texts on the command line: a table with a column of texts in, predictions out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors.catalog import CATALOG
from chainrule.messages import translated

TEXTS = ["好书 很喜欢", "太差 不喜欢", "很好", "不好 太差"]
LABELS = ["pos", "neg", "pos", "neg"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that was trained on the input ``text``, six tokens long."""
    tokenizer = cr.Tokenizer.learn(TEXTS, "character")
    encoder = cr.Sequential(
        cr.Embedding(tokenizer.size, 8, padding_index=0), cr.SequencePool("max"), cr.Dense(1)
    )
    model = cr.Model(
        cr.Parallel(text=encoder), "binary_cross_entropy", cr.Adam(0.1), metrics=[], tokenizer=tokenizer
    )
    x = cr.pad_sequences(tokenizer.encode_all(TEXTS), 6).values
    model.fit({"text": x}, LABELS, epochs=30, seed=0, verbose=False)
    file = tmp_path_factory.mktemp("reader") / "model.safetensors"
    model.save(file)
    return file


def write(name: str, lines: list[str]) -> str:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def test_predictions_are_printed_beside_the_texts(chainrule: Any, reader: Path) -> None:
    data = write("reviews.csv", ["id,text", *(f"{i},{text}" for i, text in enumerate(TEXTS))])
    outcome = chainrule("predict", reader, data, "--proba")
    assert outcome.code == 0, outcome.err
    lines = [line.split(",") for line in outcome.out.splitlines()]
    assert lines[0] == ["id", "text", "prediction", "probability of neg", "probability of pos"]
    assert [line[1] for line in lines[1:]] == TEXTS
    assert [line[2] for line in lines[1:]] == LABELS


def test_long_texts_are_cut_with_a_notice(chainrule: Any, reader: Path) -> None:
    data = write("reviews.csv", ["text", "好书", "好书" * 9])
    outcome = chainrule("predict", reader, data)
    assert outcome.code == 0, outcome.err
    assert '1 text of "text" is longer than' in outcome.err
    assert "6 tokens" in outcome.err
    assert "不读取" in chainrule("predict", reader, data, "--lang", "zh").err


def test_a_label_that_did_not_occur_in_the_training_is_reported_with_its_place(
    chainrule: Any, reader: Path
) -> None:
    data = write("labeled.csv", ["text,y", "好书,pos", "太差,postive"])
    for words in (("evaluate", reader, data), ("explain", reader, data, "--row", 1)):
        outcome = chainrule(*words)
        assert outcome.code == 2
        assert "E506 in labeled.csv line 3" in outcome.err
        assert 'column "y"' in outcome.err
        assert 'fix       correct the label: "pos"' in outcome.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("evaluate",), "accuracy"),
        (("attribute", "--row", 2), "差"),
        (("explain", "--row", 1, "--depth", 1), "One training step"),
    ],
)
def test_every_command_on_rows_accepts_texts(chainrule: Any, reader: Path, words: tuple, text: str) -> None:
    rows = (f"{text},{label}" for text, label in zip(TEXTS, LABELS, strict=True))
    data = write("reviews.csv", ["text,y", *rows])
    options = ("--metric", "accuracy") if words == ("evaluate",) else words[1:]
    outcome = chainrule(words[0], reader, data, *options)
    assert outcome.code == 0, outcome.err
    assert text in outcome.out


def test_a_text_with_a_new_character_is_attributed(chainrule: Any, reader: Path) -> None:
    outcome = chainrule("attribute", reader, "--text", "好X书")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("lines", "code", "text"),
    [
        (["review", "好书"], "E313", '"text"'),
        (["id,text", "1,好书", "2,"], "E363", "line 3"),
        (["id,text", "1,好书", "2,hello"], "E365", "line 3"),
        (["text"], "E3", "reviews.csv"),
    ],
)
def test_unsuitable_tables_are_refused_in_one_message(
    chainrule: Any, reader: Path, lines: list[str], code: str, text: str
) -> None:
    data = write("reviews.csv", lines)
    outcome = chainrule("predict", reader, data)
    assert outcome.code == 2
    assert outcome.out == ""
    assert f" {code}" in outcome.err
    assert text in outcome.err
    if code in CATALOG:
        chinese = chainrule("predict", reader, data, "--lang", "zh").err
        assert re.split("[“{]", translated(CATALOG[code], "zh"))[0] in chinese


def test_arrays_of_tokens_are_still_accepted(chainrule: Any, reader: Path) -> None:
    np.savez("rows.npz", text=np.array([[4, 5, 0, 0, 0, 0]]))
    outcome = chainrule("predict", reader, "rows.npz")
    assert outcome.code == 0, outcome.err
    assert len(outcome.out.splitlines()) == 2
