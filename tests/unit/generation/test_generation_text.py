"""A model with a tokenizer generates texts, saves the tokenizer in its file, and refuses invalid ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.sequences.tokenizer import END
from chainrule.errors import ChainruleError
from chainrule.store import container

POEMS = ["白日依山尽，黄河入海流。", "床前明月光，疑是地上霜。", "春眠不觉晓，处处闻啼鸟。"]


@pytest.fixture(scope="module")
def poet() -> cr.Model:
    """A small GPT that has memorized three poems."""
    tokenizer = cr.Tokenizer.learn(POEMS, "character")
    x, y = cr.text_rows(tokenizer.encode_all(POEMS, ends=True), 14)
    net = cr.models.gpt2("small", tokenizer.size, 14, 0.0, width=24, depth=1, heads=2)
    loss = cr.CrossEntropy(ignore_index=0)
    model = cr.Model(net, loss, cr.Adam(0.02), metrics=[], tokenizer=tokenizer)
    model.fit(x, y, epochs=60, verbose=False)
    return model


def test_a_memorized_poem_is_continued(poet: cr.Model) -> None:
    assert [poet.generate(poem[0], greedy=True) for poem in POEMS] == POEMS
    assert poet.generate("床前明月", num_beams=3) == POEMS[1]
    assert poet.generate("", greedy=True) in POEMS


def test_the_end_token_stops_a_text_and_is_not_in_it(poet: cr.Model) -> None:
    tokens = cr.generate(poet.decoder, [2, *poet.tokenizers[""].encode("春眠")], greedy=True, stop=[END])
    assert tokens[0].is_ended
    assert tokens[0].tokens[-1] == END
    assert poet.generate("春", greedy=True, stop="，") == "春眠不觉晓，"
    assert poet.generate("春", greedy=True, stop=["，", "不"]) == "春眠不"
    assert poet.generate("春", greedy=True, max_new_tokens=3) == "春眠不觉"


def test_special_tokens_are_never_generated(poet: cr.Model) -> None:
    hot = poet.generate("春", samples=20, temperature=50.0, seed=1)
    assert all(set(text) <= set("".join(POEMS)) for text in hot)
    numbers = cr.generate(
        poet.decoder, [2], samples=20, temperature=50.0, suppress_tokens=[1, 2], max_new_tokens=10
    )
    assert not {1, 2} & set(np.concatenate([text.tokens for text in numbers]).tolist())


def test_the_pieces_of_a_stream_concatenate_to_the_text(poet: cr.Model) -> None:
    pieces = list(poet.stream("春眠", temperature=2.0, seed=3))
    assert pieces[0] == "春眠"
    assert "".join(pieces) == poet.generate("春眠", temperature=2.0, seed=3)


def test_a_stream_of_byte_pairs_yields_complete_characters() -> None:
    tokenizer = cr.Tokenizer.learn(["春花"], "byte_pair", size=260)  # bytes only: three for a character
    x, y = cr.text_rows([tokenizer.encode("春花秋月" * 2, ends=True)], 25)
    net = cr.models.gpt2("small", tokenizer.size, 25, 0.0, width=24, depth=1, heads=2)
    model = cr.Model(net, cr.CrossEntropy(ignore_index=0), cr.Adam(0.02), metrics=[], tokenizer=tokenizer)
    model.fit(x, y, epochs=60, verbose=False)
    assert list(model.stream("春花", greedy=True))[:3] == ["春花", "秋", "月"]


def test_a_model_file_contains_the_tokenizer(poet: cr.Model, tmp_path: Path) -> None:
    poet.save(tmp_path / "poet.safetensors")
    loaded = cr.load(tmp_path / "poet.safetensors")
    assert loaded.tokenizers == poet.tokenizers
    assert loaded.generate("白", temperature=1.5, samples=3, seed=7) == poet.generate(
        "白", temperature=1.5, samples=3, seed=7
    )


@pytest.mark.parametrize(
    "change",
    [{"y": "x"}, {"": {"kind": "word"}}, {"no input": "the same"}, [], {"": "gone"}],
    ids=["no record", "half a record", "no such input", "a list", "a word"],
)
def test_a_file_with_an_invalid_tokenizer_is_refused(poet: cr.Model, tmp_path: Path, change: Any) -> None:
    path = tmp_path / "odd.safetensors"
    poet.save(path)
    record, tensors = container.load(path, "model")
    if isinstance(change, dict):
        own = record["tokenizers"][""]
        change = {name: own if entry == "the same" else entry for name, entry in change.items()}
    container.save(path, "model", {**record, "tokenizers": change}, tensors)
    with pytest.raises(ChainruleError) as caught:
        cr.load(path)
    assert caught.value.code in ("E362", "E424")


def test_a_file_without_tokenizers_is_read(poet: cr.Model, tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    poet.save(path)
    record, tensors = container.load(path, "model")
    container.save(path, "model", {k: v for k, v in record.items() if k != "tokenizers"}, tensors)
    with pytest.raises(ChainruleError) as caught:
        cr.load(path).generate("春")
    assert caught.value.code == "E126"


def test_the_decoder_is_rebuilt_for_new_parameters_only(poet: cr.Model) -> None:
    decoder = poet.decoder
    poet.generate("春")
    assert poet.decoder is decoder
    values = poet.parameters()
    poet.load_parameters({"position.weight": values["position.weight"]})
    assert poet.decoder is not decoder
    assert poet.generate("春", greedy=True) == POEMS[2]


TRANSLATED = {"a b": "春花", "b a": "秋月", "c": "山"}


@pytest.fixture(scope="module")
def translator() -> cr.Model:
    """A network that reads words and writes characters, and has memorized three sentences."""
    source = cr.Tokenizer.learn(TRANSLATED, "word")
    target = cr.Tokenizer.learn(TRANSLATED.values(), "character")
    read = cr.pad_sequences(source.encode_all(TRANSLATED, ends=True), 5)
    x, y = cr.text_rows(target.encode_all(TRANSLATED.values(), ends=True), 4)
    net = cr.Sequential(
        cr.Parallel(
            "none",
            source=cr.Embedding(source.size, 16),
            target=cr.Embedding(target.size, 16),
            source_mask=cr.Identity(),
        ),
        cr.Transformer(
            cr.TransformerEncoder(cr.TransformerEncoderLayer(2, dropout=0.0, rotary=True), 1),
            cr.TransformerDecoder(cr.TransformerDecoderLayer(2, dropout=0.0, rotary=True), 1),
        ),
        cr.Dense(target.size),
    )
    tokenizers = {"source": source, "target": target}
    loss = cr.CrossEntropy(ignore_index=0)
    model = cr.Model(net, loss, cr.Adam(0.01), metrics=[], tokenizer=tokenizers)
    inputs = {"source": read.values.astype(np.int64), "target": x, "source_mask": read.mask}
    model.fit(inputs, y, epochs=80, verbose=False)
    return model


@pytest.mark.long
def test_a_translator_generates_the_translation(translator: cr.Model, tmp_path: Path) -> None:
    translations = [translator.generate(text, greedy=True) for text in TRANSLATED]
    assert translations == list(TRANSLATED.values())
    assert translator.generate("a b", num_beams=2) == "春花"
    translator.save(tmp_path / "translator.safetensors")
    assert cr.load(tmp_path / "translator.safetensors").generate("b a", greedy=True) == "秋月"
    assert isinstance(
        translator.generate("a unknown", greedy=True), str
    )  # an unknown word is read as the unknown token
    with pytest.raises(ChainruleError) as caught:
        translator.generate("a b a b a b")
    assert caught.value.code == "E364"


REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "unknown characters": ("春x眠y", {}, "E365", '"y" at position 3'),
    "a prompt longer than the context": ("春" * 20, {}, "E229", "21 tokens"),
    "a stop of two tokens": ("春", {"stop": ["春眠"]}, "E102", "one token each"),
    "an unknown stop": ("春", {"stop": "x"}, "E365", '"x"'),
    "nothing to begin with": ("", {"begin": False}, "E363", "at least 1 token"),
    "no text": (3, {}, "E113", "str"),  # type: ignore[dict-item]
    "temperature 0": ("春", {"temperature": 0}, "E102", "0 < temperature"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_invalid_arguments_of_generate_are_refused(poet: cr.Model, what: str) -> None:
    text, ways, code, words = REFUSED[what]
    with pytest.raises(ChainruleError) as caught:
        poet.generate(text, **ways)
    assert caught.value.code == code
    assert words in str(caught.value)


def test_a_stream_of_several_samples_is_refused(poet: cr.Model) -> None:
    with pytest.raises(ChainruleError) as caught:
        poet.stream("春", samples=2)
    assert caught.value.code == "E102"


def test_models_without_tokenizer_or_training_cannot_generate(poet: cr.Model) -> None:
    untrained = cr.Model(cr.Dense(1), "mse", tokenizer=poet.tokenizers[""])
    plain = cr.Model(cr.Dense(1), "mse", tokenizer=poet.tokenizers[""])
    plain.fit([[1.0], [2.0]], [2.0, 4.0], epochs=1, verbose=False)
    for model in (untrained, plain, cr.Model(cr.Dense(1), "mse")):
        with pytest.raises(ChainruleError) as caught:
            model.generate("春")
        assert caught.value.code == "E126"
    with pytest.raises(ChainruleError) as caught:
        cr.Model(cr.Dense(1), "mse", tokenizer="words")  # type: ignore[arg-type]
    assert caught.value.code == "E113"
    other = cr.Model(cr.Dense(1), "mse", tokenizer={"y": poet.tokenizers[""]})
    vars(other)["network"], vars(other)["targets"] = poet.network, poet.targets
    with pytest.raises(ChainruleError) as caught:
        other.generate("春")
    assert caught.value.code == "E126"


def test_a_shared_position_embedding_of_source_and_target_is_refused(poet: cr.Model) -> None:
    words = cr.Sequential(cr.Embedding(9, 4), cr.SinusoidalPosition())
    blocks = cr.TransformerEncoderLayer(2, dropout=0.0), cr.TransformerDecoderLayer(2, dropout=0.0)
    net = cr.Sequential(cr.Parallel("none", source=words, target=words), cr.Transformer(*blocks), cr.Dense(9))
    model = cr.Model(net, "cross_entropy", metrics=[], tokenizer=cr.Tokenizer.learn(["abcde"], "character"))
    rows = np.arange(8).reshape(2, 4)
    model.fit({"source": rows, "target": rows}, rows, epochs=1, verbose=False)
    with pytest.raises(ChainruleError) as caught:
        model.generate("a")
    assert caught.value.code == "E223"
    assert "rotary=True" in caught.value.fix
