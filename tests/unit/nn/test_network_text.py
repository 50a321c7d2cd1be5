"""Networks written as text: every form, and for every mistake an error with its position and a fix."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import nn
from chainrule.errors import UsageError

GOOD: dict[str, list[nn.Layer]] = {
    "64 relu, dropout 0.2, 32 tanh": [nn.Dense(64, "relu"), nn.Dropout(0.2), nn.Dense(32, "tanh")],
    "64": [nn.Dense(64)],
    "  8   ReLU ,DROPOUT .5": [nn.Dense(8, "relu"), nn.Dropout(0.5)],
    "8 sigmoid，4 softplus": [nn.Dense(8, "sigmoid"), nn.Dense(4, "softplus")],
    "８ ｔａｎｈ，４　ｒｅｌｕ、dropout 0．5": [nn.Dense(8, "tanh"), nn.Dense(4, "relu"), nn.Dropout(0.5)],
    "dropout 0": [nn.Dropout(0.0)],
    "reshape 8 8 1, Conv 6 5 tanh, pool 2, conv 4 3, flatten": [
        nn.Reshape((8, 8, 1)),
        nn.Conv(6, 5, padding="same", activation="tanh"),
        nn.AveragePool(2),
        nn.Conv(4, 3, padding="same"),
        nn.Flatten(),
    ],
    "16, position 4, encoder 2, mean": [
        nn.Dense(16),
        nn.LearnedPosition(4),
        nn.TransformerEncoderLayer(2),
        nn.SequencePool(),
    ],
    "": [],
    "  ": [],
}


@pytest.mark.parametrize("text", GOOD)
def test_words_are_parsed_to_layers(text: str) -> None:
    assert nn.net_from_text(text) == nn.Sequential(*GOOD[text])
    assert nn.net_from_text(text, outputs=3) == nn.Sequential(*GOOD[text], nn.Dense(3))


def test_the_output_layer_may_have_an_activation() -> None:
    assert nn.net_from_text("", 1, activation="sigmoid") == nn.Sequential(nn.Dense(1, "sigmoid"))


BAD: list[tuple[str, str, str, str]] = [
    ("64 rleu", "E101", "part 1 of 1", '"64 relu"'),
    ("64 relu, 32 tahn", "E101", "part 2 of 2", '"64 relu, 32 tanh"'),
    ("dorpout 0.2, 8", "E101", "part 1 of 2", '"dropout 0.2, 8"'),
    ("0 relu", "E102", "part 1 of 1", '"64 relu"'),
    ("-3", "E102", "part 1 of 1", '"64"'),
    ("6.5 relu", "E102", "part 1 of 1", '"64 relu"'),
    ("1e3 relu", "E102", "part 1 of 1", '"64 relu"'),
    ("9" * 5000, "E102", "part 1 of 1", '"64"'),
    ("1000001", "E102", "part 1 of 1", '"64"'),
    ("8, dropout 1", "E102", "part 2 of 2", '"8, dropout 0.2"'),
    ("8, dropout -0.1", "E102", "part 2 of 2", '"8, dropout 0.2"'),
    ("relu 64", "E117", "part 1 of 1", '"64 relu"'),
    ("64 relu 32 tanh", "E117", "part 1 of 1", '"64 relu, 32 tanh"'),
    ("64,,32", "E117", "part 2 of 3", '"64, 32"'),
    ("64,", "E117", "part 2 of 2", '"64"'),
    ("relu", "E117", "part 1 of 1", '"64 relu"'),
    ("dropout", "E117", "part 1 of 1", '"dropout 0.2"'),
    ("gelu", "E117", "part 1 of 1", '"64 gelu"'),
    ("sigmod 8", "E117", "part 1 of 1", '"8 sigmoid"'),
    ("flaten, 8", "E117", "part 1 of 2", '"flatten, 8"'),
    ("encodr 2", "E117", "part 1 of 1", '"encoder 2"'),
    ("reshap 2 1", "E117", "part 1 of 1", '"reshape 2 1"'),
    ("conv2d 6 5", "E117", "part 1 of 1", '"conv 6 5"'),
    ("Conv2d(6, 5)", "E117", "part 1 of 1", '"conv 6 5"'),
    ("Conv2d", "E117", "part 1 of 1", '"conv 6 5 relu"'),
    ("MaxPool2d(2)", "E117", "part 1 of 1", '"pool 2"'),
    ("dence 8", "E117", "part 1 of 1", '"8"'),
    ("Linear(16), 4", "E117", "part 1 of 2", '"16, 4"'),
    ("TransformerEncoder 2", "E117", "part 1 of 1", '"encoder 2"'),
    ("lstm 8", "E117", "part 1 of 1", '"8 relu"'),
    ("pooling 0", "E117", "part 1 of 1", '"pool 2"'),
    ("lstm 0", "E117", "part 1 of 1", '"64 relu"'),
    ("Dropout(0.3)", "E117", "part 1 of 1", '"dropout 0.3"'),
    ("Dropout(p=0.3), 8", "E117", "part 1 of 2", '"dropout 0.2, 8"'),
    ("Foo", "E117", "part 1 of 1", '"64 relu"'),
    ("conv 6", "E117", "part 1 of 1", '"conv 6 5 relu"'),
    ("pool 2 2, 8", "E117", "part 1 of 2", '"pool 2, 8"'),
    ("conv 6 0 relu", "E117", "part 1 of 1", '"conv 6 5 relu"'),
    ("conv 6 5 rleu", "E101", "part 1 of 1", '"conv 6 5 relu"'),
    ("reshape 1 2 3 4", "E117", "part 1 of 1", '"reshape 8 8 1"'),
    ("mean 3", "E117", "part 1 of 1", '"mean"'),
    ("64 relu; 32", "E117", "part 1 of 1", '"64 relu, 32"'),
    ("64x32", "E117", "part 1 of 1", '"64, 32"'),
    ("64-32-16", "E117", "part 1 of 1", '"64, 32, 16"'),
    ("[64, 32]", "E117", "part 1 of 2", '"64, 32"'),
    ("(64, 32)", "E117", "part 1 of 1", '"64, 32"'),
    ("8 relu -> 4 ReLU", "E117", "part 1 of 1", '"8 relu, 4 relu"'),
    ("8, relu, 4, tanh", "E117", "part 2 of 4", '"8 relu, 4 tanh"'),
    ("64 relu dropout 0.3 32 tanh", "E117", "part 1 of 1", '"64 relu, dropout 0.3, 32 tanh"'),
    ("Dense(8), ReLU(), Dropout(0.3), Dense(4)", "E117", "part 1 of 4", '"8 relu, dropout 0.3, 4"'),
    ("64 rleu, 32 tahn", "E101", "part 1 of 2", '"64 relu, 32 tanh"'),
    ("__import__('os')", "E117", "part 1 of 1", '"64 relu"'),
]


@pytest.mark.parametrize(("text", "code", "place", "fix"), BAD)
def test_a_mistake_is_reported_with_position_and_fix(text: str, code: str, place: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        nn.net_from_text(text)
    error = caught.value
    assert error.code == code
    assert error.where.startswith(f"--net, {place}")
    assert not fix or error.fix == fix
    assert len(str(error)) < 800
    if fix:
        nn.net_from_text(error.fix.strip('"'))


MISTAKES = st.sampled_from(
    "64 64x64 [8 8] 0 -3 relu ReLU() rleu Dense(8) Linear(16) Dropout(0.3) dropout 0.2 7 conv2d pool flaten "
    "lstm -> ; x x*x max(0,x) encoder reshape mean".split()
)


@given(
    st.lists(MISTAKES, min_size=1, max_size=7).map(" ".join) | st.lists(MISTAKES, max_size=5).map(", ".join)
)
def test_the_fix_of_any_mistake_is_a_network(text: str) -> None:
    try:
        nn.net_from_text(text)
    except UsageError as error:
        nn.net_from_text(error.fix.strip('"'))


def test_a_misspelled_activation_has_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        nn.net_from_text("64 rleu")
    assert str(caught.value) == (
        'UsageError E101 in --net, part 1 of 1 ("64 rleu"): "rleu" is not known\n'
        f"  expected  {', '.join(nn.ACTIVATIONS)}\n"
        "  received  rleu\n"
        '  fix       "64 relu"\n'
        "  help      chainrule show error E101"
    )


@given(st.text(max_size=30) | st.text("0123456789 ,.relutanhdopE+-", max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):  # no other error, nor any other layer
        net = nn.net_from_text(text, outputs=2)
        assert isinstance(net.layers[-1], nn.Dense)
        assert all(isinstance(part, nn.Dense | nn.Dropout) for part in net.layers)


def test_more_layers_than_anyone_writes_are_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"E102(?s:.*)the number of layers(?s:.*)20000"):
        nn.net_from_text(", ".join(["64 relu"] * 20_000))
