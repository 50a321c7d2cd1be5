"""Records are read back equal; malformed or hostile records are refused with an error code."""

from __future__ import annotations

import builtins
import copy
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from case_loops import loop_over
from chainrule import nn
from chainrule.errors import ChainruleError, UsageError
from chainrule.nn.schedule import Slowed
from chainrule.nn.serialization import DEPTH, FAMILIES, PARTS, fits
from layer_cases import CASES as LAYER_CASES
from loss_cases import CASES as LOSS_CASES

GROUP = nn.Group("*.bias", learning_rate_factor=0.5, weight_decay=0.0, constraint=nn.MaxNorm(3.0))
SAMPLES: dict[str, list[Any]] = {
    "layer": [
        nn.Activation("tanh"),
        nn.Dense(3, "relu", bias=False, weight_initializer="he", bias_initializer=nn.Fill(0.1)),
        nn.Dense(3, nn.Activation("softplus"), penalty=nn.L2(0.5)),
        nn.Dense(3, weight_initializer=nn.Scaled(gain=2.0, fan="out", distribution="normal")),
        nn.Dropout(0.2),
        nn.ActivityRegularization(nn.L2(0.1)),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(2, units=8), 2),
        nn.TransformerDecoder(nn.TransformerDecoderLayer(2, units=8), 2),
        nn.CategoryEncoding(3),
        nn.Unembedding("words"),
        nn.Discretization((0.0, 1.0)),
        nn.TimeDistributed(nn.Dense(2)),
        nn.MaxUnpool(2),
        nn.FastSpeech(nn.Embedding(9, 4), nn.Dense(1), nn.Dense(8), 40),
        nn.RNN(3, activation="relu", reverse=True),
        nn.Stacked(nn.Bidirectional(nn.LSTM(3), merge_mode="add"), nn.GRU(2, dropout=0.1), dropout=0.2),
        nn.Masking(nn.ConvLSTM(2, padding="same"), mask_value=-1.0),
        *(nn.LSTM(3), nn.GRU(3), nn.ConvLSTM(2), nn.LengthRegulator(4), nn.HashedNGrams(9, 64)),
        nn.Bidirectional(nn.GRU(2)),
        nn.Flatten(),
        nn.Reshape((2, -1)),
        nn.Conv(6, 5, padding="same", activation="relu"),
        nn.Conv(
            4,
            (3, 1),
            stride=(2, 1),
            padding=((1, 0), 2),
            dilation=2,
            groups=2,
            bias=False,
            penalty=nn.L2(0.5),
        ),
        nn.MaxPool((2, 1), stride=3),
        nn.AveragePool(2, padding=1, count_include_pad=True),
        nn.GlobalMaxPool(),
        nn.Remat(nn.GlobalAveragePool()),
        nn.GlobalAveragePool(),
        nn.Residual(nn.Sequential(nn.Dense(2), nn.Residual(nn.Dense(2)))),
        nn.Parallel("none", z=nn.Dense(1), a=nn.Sequential()),
        nn.Sequential(nn.Dense(2), nn.Dropout(), nn.Parallel(x=nn.Flatten())),
        *(case.net for case in LAYER_CASES.values()),
    ],
    "loss": [loss for loss, *_ in LOSS_CASES.values()],
    "optimizer": [
        nn.SGD(nn.Step(0.1, step_size=5), momentum=0.9, nesterov=True, weight_decay=0.1),
        nn.Adam(nn.Warmup(5, nn.Cosine(0.1, decay_steps=20, min_learning_rate=0.01))),
        nn.AdamW(weight_decay=0.5),
        nn.RMSprop(centered=True),
        nn.EMA(nn.Grouped(nn.Lion(), groups=(GROUP, nn.Group("a"))), decay=0.9),
        nn.SWA(nn.Accumulated(nn.Muon(), steps=4, clip=nn.ClipGlobalNorm(2.0)), start=5, every=2),
        nn.Accumulated(nn.Adam(amsgrad=True), steps=3),
        nn.Grouped(nn.AdamW(), groups=(GROUP,)),
        *(kind() for kind in nn.OPTIMIZERS.values()),
    ],
    "schedule": [
        nn.Constant(0.5),
        nn.Step(0.1, step_size=5, gamma=0.2),
        nn.Cosine(0.1),
        nn.Warmup(3, 0.1),
        nn.MultiStep(0.1, milestones=(5, 9)),
        nn.PiecewiseConstant((0.1, 0.2), boundaries=(5,)),
        nn.ExponentialDecay(0.1),
        nn.InverseTimeDecay(0.1, decay_rate=2.0),
        nn.PolynomialDecay(0.1, power=2.0),
        nn.LinearRamp(0.1),
        nn.Noam(64),
        nn.CosineRestarts(0.1, first_decay_steps=5, t_mul=2),
        nn.OneCycle(0.1, anneal_strategy="linear"),
        nn.Cyclic(0.1, base_learning_rate=0.0),
        nn.RateSequence((0.1, nn.Cosine(0.2)), (5,)),
        nn.RateProduct((nn.Constant(0.1), nn.Noam(4))),
        Slowed(nn.Cosine(0.1), 3),
        nn.RateFormula("0.1 * 0.5^t"),
        nn.ReduceOnPlateau(nn.Cosine(0.1)),
    ],
    "initializer": [
        nn.Blocks((nn.Fill(1.0), nn.Orthogonal())),
        nn.Fill(2.0),
        nn.SmallNormal(0.5),
        nn.Scaled(),
        nn.Orthogonal(2.0),
        nn.Uniform(),
        nn.Normal(1.0),
        nn.TruncatedNormal(cut=3.0),
        nn.Eye(2.0),
        nn.Dirac(2),
        nn.SparseNormal(0.3),
    ],
    "penalty": [nn.L1(0.1), nn.L2(), nn.L1L2(strength=0.1, l1_ratio=0.3), nn.OrthogonalPenalty()],
    "constraint": [nn.MaxNorm(3.0), nn.MinMaxNorm(min_value=0.1), nn.NonNegative(), nn.UnitLength()],
    "group": [nn.Group("a.*", learning_rate_factor=0.1, weight_decay=0.0, constraint=nn.NonNegative())],
    "clip": [nn.ClipValue(0.5), nn.ClipNorm(2.0), nn.ClipGlobalNorm()],
}
ALL = [(family, value) for family, values in SAMPLES.items() for value in values]


def test_every_kind_of_every_family_has_a_case() -> None:
    tried = {family: {type(value).__name__ for value in values} for family, values in SAMPLES.items()}
    assert tried == {family: set(kinds) for family, (_, kinds) in FAMILIES.items()}


@loop_over(("family", "value"), ALL, ids=[str(value)[:40] for _, value in ALL])
def test_records_round_trip(family: str, value: Any) -> None:
    record = nn.to_record(value)
    text = json.dumps(record, allow_nan=False, sort_keys=True)
    assert nn.from_record(json.loads(text), family) == value
    assert record[family] == type(value).__name__


def test_a_record_is_short_and_readable() -> None:
    net = nn.Sequential(nn.Dense(3, activation="sigmoid"), nn.Dense(1, penalty=nn.L2(0.01)))
    assert nn.net_to_record(net) == {
        "layer": "Sequential",
        "layers": [
            {"layer": "Dense", "units": 3, "activation": "sigmoid"},
            {"layer": "Dense", "units": 1, "penalty": {"penalty": "L2", "strength": 0.01}},
        ],
    }
    assert nn.to_record(nn.Adam()) == {"optimizer": "Adam"}


def test_numbers_of_numpy_are_written_as_plain_ones() -> None:
    record = nn.to_record(nn.Dense(np.int64(3), penalty=nn.L1(np.float32(0.5))))
    assert json.loads(json.dumps(record)) == {
        "layer": "Dense",
        "units": 3,
        "penalty": {"penalty": "L1", "strength": 0.5},
    }


# --- custom classes ----------------------------------------------------------------------------------------


@nn.layer
class Gate(nn.Layer):
    """A layer with fields of many types."""

    inner: nn.Layer
    size: tuple[int, int] = (1, 2)
    note: str | None = None
    loose: Any = None


def test_a_custom_layer_is_read_only_if_its_class_is_passed() -> None:
    net = nn.Sequential(Gate(nn.Dense(2), (3, 4), "x", 1.5))
    record = nn.net_to_record(net)
    assert nn.net_from_record(record, layers=[Gate]) == net
    with pytest.raises(UsageError) as caught:
        nn.net_from_record(record)
    assert caught.value.code == "E110"
    assert "layers=(Gate,)" in caught.value.fix


@pytest.mark.parametrize("name", ["Scaled", "Doubled", "MyBlock", "Gate"])
def test_a_custom_layer_is_not_taken_for_a_misspelled_one(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        nn.net_from_record({"layer": name})
    assert str(caught.value.fix).startswith("no command takes custom classes")
    with pytest.raises(UsageError) as caught:
        nn.net_from_record({"layer": "Dens", "units": 3})
    assert str(caught.value.fix).startswith('"Dense"; ')


@dataclass(frozen=True)
class Growing(nn.L2):
    """A custom penalty with a field that is named as a family."""

    schedule: nn.Schedule | None = None


def test_a_field_may_have_the_name_of_a_family() -> None:
    net = nn.Dense(3, penalty=Growing(0.1, nn.Cosine(0.5)))
    assert nn.net_from_record(nn.net_to_record(net), layers=[Growing]) == net


def test_two_kinds_of_one_name_are_refused() -> None:
    Dense = nn.layer(type("Dense", (nn.Layer,), {}))
    for kind in (Dense, dict, "Gate"):
        with pytest.raises(UsageError) as caught:
            nn.net_from_record({"layer": "Flatten"}, layers=[kind])  # type: ignore[list-item]
        assert caught.value.code == "E116"


@pytest.mark.parametrize(
    "value",
    [
        nn.Dense(1, nn.Activation("relu"), weight_initializer=None).__class__,
        Gate(nn.Dense(1), loose=np.ones(3)),
        Gate(nn.Dense(1), loose=print),
        Gate(nn.Dense(1), loose=float("nan")),
        Gate(nn.Dense(1), loose={"a": 1}),
        {"layer": "Dense"},
        None,
    ],
)
def test_values_without_a_record_are_refused(value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        nn.to_record(value)
    assert caught.value.code == "E115"


def test_a_network_nested_too_deep_is_not_written() -> None:
    net: nn.Layer = nn.Dense(1)
    for _ in range(DEPTH):
        net = nn.Residual(net)
    with pytest.raises(UsageError) as caught:
        nn.net_to_record(net)
    assert caught.value.code == "E114"


# --- hostile records -------------------------------------------------------------------------------------


def nested(levels: int) -> Any:
    """A record of layers nested ``levels`` deep."""
    record: Any = {"layer": "Dense", "units": 1}
    for _ in range(levels):
        record = {"layer": "Residual", "inner": record}
    return record


def brackets(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


D = {"layer": "Dense", "units": 3}
HOSTILE: dict[str, tuple[Any, str]] = {
    "unknown kind": ({"layer": "Dens", "units": 3}, "E110"),
    "a kind of Python": ({"layer": "os.system", "units": 3}, "E110"),
    "a dunder": ({"layer": "__class__"}, "E110"),
    "the base": ({"layer": "Layer"}, "E110"),
    "another family": ({"layer": "MSE"}, "E110"),
    "a list": ([], "E111"),
    "a text": ("Dense", "E111"),
    "nothing": (None, "E111"),
    "no family": ({"units": 3}, "E111"),
    "a kind that is a number": ({"layer": 3}, "E111"),
    "a kind that is a list": ({"layer": ["Dense"]}, "E111"),
    "a number for a layer": ({"layer": "Sequential", "layers": [3]}, "E113"),
    "a dict of nothing": ({"layer": "Residual", "inner": {}}, "E111"),
    "missing": ({"layer": "Dense"}, "E112"),
    "unknown setting": ({**D, "activatoin": "relu"}, "E112"),
    "a private setting": ({**D, "place": 1, "__class__": "x"}, "E112"),
    "a text for a number": ({"layer": "Dense", "units": "3"}, "E113"),
    "true for a number": ({"layer": "Dense", "units": True}, "E113"),
    "a float for an integer": ({"layer": "Dense", "units": 3.0}, "E113"),
    "a number for yes or no": ({**D, "bias": 1}, "E113"),
    "a loss for an activation": ({**D, "activation": {"loss": "MSE"}}, "E113"),
    "a layer for a penalty": ({**D, "penalty": D}, "E113"),
    "a kernel of text": ({"layer": "Conv", "channels": 3, "kernel_size": "5"}, "E113"),
    "a kernel with a hole": ({"layer": "Conv", "channels": 3, "kernel_size": [3, None]}, "E113"),
    "a kernel of nothing": ({"layer": "Conv", "channels": 3, "kernel_size": []}, "E102"),
    "padding below 0": ({"layer": "MaxPool", "kernel_size": 2, "padding": [[0, -1]]}, "E102"),
    "padding of an unknown word": ({"layer": "MaxPool", "kernel_size": 2, "padding": "full"}, "E101"),
    "branches that are no pairs": ({"layer": "Parallel", "branches": [["a"]]}, "E113"),
    "a branch without a layer": ({"layer": "Parallel", "branches": [["a", 1]]}, "E113"),
    "a dict for a list": ({"layer": "Sequential", "layers": D}, "E113"),
    "broken shape": ({"layer": "Reshape", "shape": [1, "x"]}, "E113"),
    "too deep": (nested(1000), "E114"),
    "too deep for Python": (nested(100_000), "E114"),
    "brackets": ({"layer": "Reshape", "shape": brackets(100_000)}, "E114"),
    "too many": ({"layer": "Sequential", "layers": [{"layer": "Flatten"}] * (PARTS + 1)}, "E114"),
    "no units": ({"layer": "Dense", "units": 0}, "E102"),
    "endless units": ({"layer": "Dense", "units": 10**5000}, "E102"),
    "endless strength": ({**D, "penalty": {"penalty": "L2", "strength": float("inf")}}, "E102"),
    "unknown activation": ({**D, "activation": "x" * 10**6}, "E101"),
    "unknown initializer": ({**D, "weight_initializer": "hee"}, "E101"),
    "a branch called as a path": ({"layer": "Parallel", "branches": [["../a", D]]}, "E102"),
    "a branch twice": ({"layer": "Parallel", "branches": [["a", D], ["a", D]]}, "E102"),
    "a huge name": ({"layer": "D" * 10**6}, "E110"),
    "a huge setting": ({**D, "x" * 10**6: 1}, "E112"),
    "many settings": ({**D, **{f"x{i}": 1 for i in range(10_000)}}, "E112"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_is_refused_with_a_short_message(name: str) -> None:
    record, code = HOSTILE[name]
    with pytest.raises(ChainruleError) as caught:
        nn.net_from_record(record)
    assert caught.value.code == code
    assert len(str(caught.value)) < 4000
    assert caught.value.render("zh") != caught.value.render("en")


def test_all_invalid_settings_are_listed_in_one_error() -> None:
    with pytest.raises(UsageError) as caught:
        nn.net_from_record({"layer": "Sequential", "layers": [{"layer": "Dense", "unit": 3, "bais": True}]})
    assert caught.value.where == "layer Sequential.layers[0] Dense"
    assert caught.value.notes == (
        '"units" is missing',
        '"unit" is not known; did you mean "units"?',
        '"bais" is not known; did you mean "bias"?',
    )


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        nn.from_record(D, "layers")
    assert (caught.value.code, caught.value.fix) == ("E101", 'family="layer"')


def outcome(record: Any, family: str) -> Any:
    """The value that a record describes, or the error that refuses it."""
    try:
        return nn.from_record(record, family)
    except ChainruleError as error:
        return error


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["relu", "he", "add"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["layer", "units", "layers", "inner", "rate", "activation", "penalty", "branches", "x"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_any_plain_data_is_read_or_refused(plain: Any) -> None:
    result = outcome(plain, "layer")
    assert isinstance(result, nn.Layer) or result.code[:2] == "E1"


@given(st.data())
def test_a_record_with_one_changed_value_is_read_or_refused(data: st.DataObject) -> None:
    family, value = data.draw(st.sampled_from(ALL))
    record = copy.deepcopy(nn.to_record(value))
    spots = list(places(record))
    holder, key = data.draw(st.sampled_from(spots))
    holder[key] = data.draw(PLAIN)
    result = outcome(record, family)
    if isinstance(result, ChainruleError):
        assert result.code[:2] == "E1"
    else:
        assert nn.from_record(nn.to_record(result), family) == result


def places(value: Any) -> Any:
    """Every position in nested dicts and lists whose value can be changed."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def test_reading_a_record_executes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a record made the reader run or import something")

    records = [(family, nn.to_record(value)) for family, value in ALL]
    for family, record in records:
        nn.from_record(record, family)  # evaluates the type hints of all classes
    with monkeypatch.context() as patched:
        for name in ("eval", "exec", "compile", "__import__", "open"):
            patched.setitem(vars(builtins), name, refuse)
        results = [nn.from_record(record, family) for family, record in records]
    assert results == [value for _, value in ALL]


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (3, float, True),
        (True, float, False),
        ((1, "a"), tuple[int, str], True),
        ((1,), tuple[int, str], False),
        ((), tuple[int, ...], True),
        (None, int | None, True),
        ("a", int | None, False),
        (object(), Any, True),
        ([1], tuple[int, ...], False),
        (1.0, int, False),
    ],
)
def test_values_and_declared_types(value: Any, hint: Any, expected: bool) -> None:
    assert fits(value, hint) is expected
