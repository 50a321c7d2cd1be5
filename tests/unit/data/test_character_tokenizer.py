"""Tokenizers of characters work without the library, as with it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError

TEXTS = ["白日依山尽，黄河入海流。", "Cafe\u0301 Σ İ", "one\ntwo"]
PROGRAM = """
import sys
sys.modules["tokenizers"] = None
import chainrule as cr
tokenizer = cr.Tokenizer.learn(["abc", "bcd"], "character")
print(tokenizer.decode(tokenizer.encode("dcb")))
"""


def test_characters_need_no_library() -> None:
    outcome = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert outcome.stdout == "dcb\n", outcome.stderr


@pytest.mark.parametrize("lower", [False, True])
def test_ids_are_those_of_the_library(lower: bool) -> None:
    rust = pytest.importorskip("tokenizers")
    tokenizer = cr.Tokenizer.learn(TEXTS, "character", lower=lower)
    numbers = {token: i for i, token in enumerate(tokenizer.tokens)}
    peer = rust.Tokenizer(rust.models.WordLevel(numbers, unk_token="<unk>"))
    peer.pre_tokenizer = rust.pre_tokenizers.Split(rust.Regex(r"[\s\S]"), "isolated")
    steps = [rust.normalizers.NFC(), *([rust.normalizers.Lowercase()] if lower else [])]
    peer.normalizer = rust.normalizers.Sequence(steps)
    for text in [*TEXTS, "ΣΑΣ unknown 日 e\u0301"]:
        np.testing.assert_array_equal(tokenizer.encode(text), peer.encode(text).ids)


def test_an_unknown_character_is_named_with_its_position() -> None:
    tokenizer = cr.Tokenizer.learn(["Caf\u00e9"], "character")
    with pytest.raises(DataError, match='"x" at position 4'):
        tokenizer.encode("Cafe\u0301x", unknown=False)


def test_a_summary_is_displayed_in_lines() -> None:
    model = cr.Model(cr.Dense(2), "mse")
    model.initialize({"x": np.zeros((1, 3))})
    assert repr(model.summary()) == str(model.summary())
    assert model.summary()._repr_html_().startswith("<pre>layer")
    assert isinstance(model.summary(), str)
