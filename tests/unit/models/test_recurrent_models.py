"""Recurrent models: agreement with PyTorch, padding, and refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.utils import rnn

import chainrule as cr
from chainrule import models, nn
from chainrule.errors import ChainruleError
from chainrule.symbolic_shape import Size, Spec
from torch_transformers import CLOSE, agree, random_parameters, tensors

B = Size.symbol("B")
WORDS, WIDTH, UNITS, DEPTH = 11, 5, 4, 2
TEXTS = np.random.default_rng(2).integers(1, WORDS, (3, 6))
TEXTS[0, 4:] = TEXTS[2, 1:] = 0
PEERS: dict[str, type[torch.nn.LSTM | torch.nn.GRU]] = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
SPEC = {"x": Spec((B, TEXTS.shape[1]), "int64")}


def state_of(parameters: dict[str, torch.Tensor], cell: str, is_both: bool) -> dict[str, torch.Tensor]:
    """Our layers under PyTorch's names.

    PyTorch has one bias for the inputs and one for the states. A layer of this package has only the first; a
    GRU also has a recurrent bias for its candidate state.
    """
    state = {}
    for i in range(DEPTH):
        for way, end in (("forward.", ""), ("backward.", "_reverse")) if is_both else (("", ""),):
            kind = "bidirectional" if is_both else cell
            own = f"reader.{'inner.' if is_both else ''}{kind}{i + 1}.{way}"
            second = torch.zeros_like(parameters[f"{own}bias"])
            if cell == "gru":
                second[-UNITS:] = parameters[f"{own}recurrent_bias"]
            state[f"weight_ih_l{i}{end}"] = parameters[f"{own}weight"]
            state[f"weight_hh_l{i}{end}"] = parameters[f"{own}recurrent"]
            state[f"bias_ih_l{i}{end}"], state[f"bias_hh_l{i}{end}"] = parameters[f"{own}bias"], second
    return state


def peer(
    parameters: dict[str, torch.Tensor], cell: str, is_both: bool, dtype: torch.dtype
) -> torch.nn.RNNBase:
    """PyTorch's layers with our weights."""
    net = PEERS[cell](WIDTH, UNITS, DEPTH, batch_first=True, bidirectional=is_both, dtype=dtype)
    net.load_state_dict(state_of(parameters, cell, is_both))
    return net


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("cell", PEERS)
def test_classifiers_agree_with_pytorch_for_texts_of_different_length(cell: str, dtype: str) -> None:
    net = getattr(models, f"{cell}_classifier")(3, WORDS, WIDTH, UNITS, DEPTH)
    built = nn.build(net, SPEC, dtype)
    parameters = random_parameters(built)
    ours = tensors(parameters)
    lengths = torch.from_numpy((TEXTS != 0).sum(1))
    packed = rnn.pack_padded_sequence(
        ours["words.weight"][torch.from_numpy(TEXTS)], lengths, batch_first=True, enforce_sorted=False
    )
    _, last = peer(ours, cell, True, getattr(torch, dtype))(packed)
    hidden = last[0] if cell == "lstm" else last
    read = torch.cat([hidden[-2], hidden[-1]], -1)
    agree(built, {"x": TEXTS, **parameters}, read @ ours["head.weight"].T + ours["head.bias"])


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("cell", PEERS)
def test_language_models_agree_with_pytorch(cell: str, dtype: str) -> None:
    net = getattr(models, f"{cell}_language_model")(WORDS, WIDTH, UNITS, DEPTH)
    built = nn.build(net, SPEC, dtype)
    parameters = random_parameters(built)
    ours = tensors(parameters)
    text, _ = peer(ours, cell, False, getattr(torch, dtype))(ours["words.weight"][torch.from_numpy(TEXTS)])
    agree(built, {"x": TEXTS, **parameters}, text @ ours["output.weight"].T + ours["output.bias"])


@pytest.mark.parametrize("cell", PEERS)
def test_a_classifier_learns_which_word_comes_first(cell: str) -> None:
    words = np.random.default_rng(5).integers(1, 4, (128, 5))
    words[:, 3:] = 0
    net = getattr(models, f"{cell}_classifier")(3, 4, 8, 8, 1)
    model = cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.03))
    model.fit(words, words[:, 0] - 1, epochs=15, batch_size=16, seed=0, verbose=False)
    assert model.evaluate(words, words[:, 0] - 1)["accuracy"] > 0.95


def test_language_models_have_no_recurrent_dropout() -> None:
    net = models.lstm_language_model(vocabulary_size=7, width=3, units=4, depth=2)
    assert [name for name, _ in net.named()] == [
        "words",
        "words_dropout",
        "reader",
        "reader_dropout",
        "output",
    ]
    (reader,) = (part for part in net.layers if isinstance(part, nn.Stacked))
    assert reader.dropout == 0.5
    assert all(getattr(part, "recurrent_dropout", 0) == 0 for part in reader.layers)


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("E102", lambda: models.lstm_classifier(classes=0)),
        ("E102", lambda: models.gru_classifier(units=0)),
        ("E102", lambda: models.lstm_language_model(depth=0)),
        ("E102", lambda: models.gru_language_model(vocabulary_size=2.5)),  # type: ignore
        ("E102", lambda: models.lstm_language_model(dropout=1.0)),
    ],
)
def test_invalid_arguments_are_refused(code: str, make: Callable[[], nn.Layer]) -> None:
    with pytest.raises(ChainruleError) as error:
        make()
    assert error.value.code == code


def test_a_character_outside_the_vocabulary_is_refused() -> None:
    model = cr.Model(models.gru_language_model(WORDS, 4, 4, 1, 0.0), loss="cross_entropy")
    with pytest.raises(ChainruleError, match='Embedding "words"') as error:
        model.fit(TEXTS + 5, TEXTS, epochs=1, verbose=False)
    assert error.value.code == "E211"
