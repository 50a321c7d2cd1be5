"""``Model.explain``: every form of sample, one weight, and refused arguments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_iris

from chainrule.attribution.explanation import Request, explain_prediction
from chainrule.errors import ChainruleError, ShapeError, TrainingError, UsageError
from chainrule.model import Model, load
from chainrule.nn import (
    L2,
    SGD,
    Activation,
    Adam,
    ClipGlobalNorm,
    Dense,
    Dropout,
    EnsembleDense,
    EnsembleMean,
    EnsembleNormalization,
    Flatten,
    Residual,
    Sequential,
)
from chainrule.settings import settings
from chainrule.step_explanation.narrative import explain

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
KINDS = np.array(["a", "b", "c"])[RNG.integers(0, 3, 30)]
VALUES = RNG.normal(size=(30, 2))


@pytest.fixture(scope="module")
def classifier() -> Model:
    model = Model(Sequential(Dense(5, "tanh"), Dense(3)), "cross_entropy", Adam(0.01))
    model.fit(X, KINDS, epochs=1, verbose=False)
    return model


@pytest.fixture(scope="module")
def tabular() -> Model:
    x, y = load_iris(return_X_y=True)
    frame = pl.DataFrame({"length": x[:, 0], "width": x[:, 1], "kind": [f"k{i}" for i in y]})
    model = Model(Sequential(Dense(4, "relu"), Dense(3)), "cross_entropy")
    model.fit(frame, "kind", epochs=1, verbose=False)
    return model


NETS = {
    "residual": (Sequential(Dense(4, "tanh"), Residual(Dense(4, "relu")), Dropout(0.5), Dense(2)), "mse"),
    "activation": (Sequential(Dense(3), Activation("sigmoid"), Dense(2), Activation("softplus")), "huber"),
    "no weights before": (Sequential(Flatten(), Residual(Activation("tanh")), Dense(2)), "mae"),
    "softmax and squares": (Sequential(Dense(5), Dense(2, "softmax")), "half_mse"),
    "yes or no": (Dense(2), "binary_cross_entropy"),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_network_is_explained_at_every_depth(name: str, lang: str) -> None:
    net, loss = NETS[name]
    model = Model(net, loss, SGD(0.1, momentum=0.9), penalty=L2(0.01), clip=ClipGlobalNorm(0.1))
    y = (VALUES > 0).astype(float) if name == "yes or no" else VALUES
    model.fit(X, y, epochs=1, verbose=False)
    path = next(iter(model.parameters()))
    for rows, depth in ((0, 1), (0, 3), (slice(0, 3), 2)):
        page = model.explain(X[rows], y[rows], depth=depth, lang=lang)
        assert len(str(page)) > 500
    assert f"{path}[0,0]" in str(model.explain(X[:2], y[:2], f"{path}[0,0]", 3, lang))
    assert "<math" in model.explain(X[0], y[0], lang=lang).to_html()


def test_raw_labels_and_one_or_several_samples_are_accepted(classifier: Model) -> None:
    one = str(classifier.explain(X[0], KINDS[0]))
    assert f"to the target class {KINDS[0]}." in one
    assert "n = 3" in str(classifier.explain(X[:3], KINDS[:3]))
    assert str(classifier.explain(X[:1], KINDS[:1])) == one


def test_the_probability_equals_predict_proba(classifier: Model) -> None:
    prediction = classifier.trace(X[0], KINDS[0]).predictions["y"]
    np.testing.assert_allclose(prediction, classifier.predict_proba(X[:1]), rtol=1e-5)


def test_the_explanation_of_a_table_row_lists_its_features(tabular: Model) -> None:
    row = pl.DataFrame({"length": [5.1], "width": [3.5], "kind": ["k0"]})
    text = str(tabular.explain(row))
    x = tabular.trace(row).derivation.built.inputs["x"]
    value = float(tabular.trace(row).values[x][0, 0])
    assert f"x₁ (length) = 5.1, which the network receives as {value:.6f}".replace("-", "−") in text
    assert "x₂（width）= 原值 3.5" in str(tabular.explain(row, lang="zh"))
    assert "class k2" in str(tabular.explain(row.drop("kind"), "k2"))


def test_targets_of_a_table_are_in_their_own_units() -> None:
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "price": 1000 + 50 * X[:, 2]})
    model = Model(Dense(1), "half_mse")
    model.fit(frame, "price", epochs=1, verbose=False)
    own = model.trace(frame[:1])
    target = model.trace(frame[:1].drop("price"), float(frame["price"][0]))
    assert own.loss == pytest.approx(target.loss, rel=1e-5)


def test_the_default_language_is_the_setting(classifier: Model) -> None:
    with settings.using(lang="zh"):
        assert "反向传播" in str(classifier.explain(X[0], KINDS[0]))


def test_a_saved_model_gives_the_same_explanation(classifier: Model, tmp_path: Path) -> None:
    classifier.save(tmp_path / "m.safetensors")
    assert str(load(tmp_path / "m.safetensors").explain(X[0], KINDS[0])) == str(
        classifier.explain(X[0], KINDS[0])
    )


def test_the_ledger_lists_the_largest_terms_and_their_sum() -> None:
    net = Sequential(Dense(8, "tanh"), Dense(8, "tanh"), Dense(1))
    model = Model(net, "half_mse", SGD(0.1))
    model.fit(X, VALUES[:, 0], epochs=1, verbose=False)
    t = model.trace(X[0], VALUES[0, 0])
    text = str(model.explain(X[0], VALUES[0, 0], "dense1.weight[2,1]"))
    assert "This is a sum of 8 terms" in text
    assert "the 3 largest add up to" in text
    assert "relative difference from the stored gradient: 0.0" in text or "×10⁻¹⁶" in text
    gradient = float(t.gradients["dense1.weight"][2, 1])
    word = "raising it lowers the loss" if gradient < 0 else "raising it raises the loss"
    assert word in text


def test_the_explanation_of_a_large_network_is_short() -> None:
    model = Model(Sequential(Dense(64, "relu"), Dense(64, "relu"), Dense(1)), "half_mse")
    model.fit(X, VALUES[:, 0], epochs=1, verbose=False)
    text = str(model.explain(X[0], VALUES[0, 0]))
    total = model.network.count  # type: ignore[union-attr]
    assert f"{total - 10:,} are omitted" in text
    assert "... and 61 more" in text
    assert "20 of the" in text
    assert len(text) < 20_000


def test_a_non_finite_value_is_explained_first(classifier: Model) -> None:
    model = Model(Sequential(Dense(5, "tanh"), Dense(3)), "cross_entropy", Adam(0.01))
    model.fit(X, KINDS, epochs=1, verbose=False)
    model.load_parameters({"dense2.weight": np.full((3, 5), np.inf)})
    for lang, word in (("en", "The input"), ("zh", "给定的")):
        page = model.explain(X[0], KINDS[0], lang=lang)
        assert len(page.sections) == 1
        assert word in str(page)
    model.load_parameters({"dense2.weight": np.full((3, 5), 3e38)})
    big = {"dense1.bias": np.full(5, 20.0), "dense2.bias": np.full(3, -3e38)}
    assert "∂" in str(model.load_parameters(big).explain(X[0], KINDS[0]))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"weight": "dense1.wieght[0,1]"}, "E120"),
        ({"weight": "[0"}, "E120"),
        ({"weight": "dense1.weight[5,0]"}, "E121"),
        ({"weight": "dense1.weight[0]"}, "E121"),
        ({"weight": "dense1.weight"}, "E121"),
        ({"weight": "dense1.weight[a,0]"}, "E121"),
        ({"lang": "fr"}, "E101"),
        ({"depth": 4}, "E102"),
        ({"depth": False}, "E102"),
        ({"member": 1}, "E102"),
        ({"depth": True}, "E102"),
    ],
)
def test_invalid_arguments_are_refused(classifier: Model, arguments: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        classifier.explain(X[0], KINDS[0], **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_the_error_suggests_the_nearest_weight(classifier: Model) -> None:
    with pytest.raises(UsageError, match=r'fix +weight="dense1.weight\[0,0\]"'):
        classifier.explain(X[0], KINDS[0], "dense1.wieght[0,1]")


def test_samples_of_wrong_shape_are_refused(classifier: Model) -> None:
    with pytest.raises(ShapeError) as wide:
        classifier.explain(X[0, :3], KINDS[0])
    assert wide.value.code == "E209"
    values = Model(Dense(2), "mse")
    values.fit(X, VALUES, epochs=1, verbose=False)
    with pytest.raises(UsageError) as missing:
        values.explain(X[0])
    assert missing.value.code == "E122"
    with pytest.raises(TrainingError) as strange:
        classifier.explain(X[0], "z")
    assert strange.value.code == "E506"
    with pytest.raises(ChainruleError):
        classifier.explain(np.full(4, np.nan), KINDS[0])


def test_depth_0_states_why_first_and_its_sum() -> None:
    frame = pl.DataFrame({"size": X[:, 0], "age": X[:, 1], "price": 1000 + 50 * X[:, 0]})
    model = Model(Dense(1), "half_mse", Adam(0.05), dtype="float64")
    model.fit(frame, "price", epochs=40, verbose=False)
    row = frame[:1].drop("price")
    text = str(model.explain(row, depth=0, lang="en"))
    predicted = float(np.asarray(model.predict(row))[0])
    assert f"price: the network predicts {predicted:.6f}." in text.replace("−", "-")
    attribution = model.attribute(row)
    for name, values in attribution.by_column.items():
        assert f"{name} " in text
        assert f"{values[0]:+.4f}".replace("-", "−") in text
    assert attribution.base is not None
    total = sum(values[0] for values in attribution.by_column.values())
    assert float(attribution.base[0]) + total == pytest.approx(predicted)
    assert "预测值升高" in str(model.explain(row, depth=0, lang="zh"))
    assert "The row itself has" in str(model.explain(frame[:1], depth=0, lang="en"))


def test_a_row_without_a_target_is_derived_for_the_predicted_class(tabular: Model) -> None:
    row = pl.DataFrame({"length": [5.1], "width": [3.5]})
    predicted = np.asarray(tabular.predict(row))[0]
    text = str(tabular.explain(row, lang="en"))
    assert f"The row has no target: the derivation uses the predicted class {predicted}." in text
    assert f"to the target class {predicted}." in text


@pytest.mark.long
def test_the_explanation_of_an_ensemble_derives_one_network() -> None:
    net = Sequential(
        EnsembleNormalization(3), EnsembleDense(4, "tanh"), EnsembleDense(2), EnsembleMean("softmax")
    )
    model = Model(net, "cross_entropy", Adam(0.01), dtype="float64")
    model.fit(X, (X[:, 0] > 0).astype(int), epochs=3, verbose=False)
    samples = model.member_samples(X[:1])
    for member in (1, 3):
        page = model.explain(X[0], 1, member=member, lang="en")
        assert page.sections[0].heading == "Why this prediction"
        text = str(page)
        assert f"that of network {member}" in text
        assert f"probability {samples[member - 1][0, 1]:.6f} to the target class 1" in text
        assert "w₁₁⁽¹⁾" in text  # no index of the members
    assert "w₁₁₁⁽¹⁾" in str(model.explain(X[0], 1, member="all"))
    assert "ensemble_dense1.weight[0,0,0]" in str(model.explain(X[0], 1, "ensemble_dense1.weight[0,0,0]"))
    with pytest.raises(UsageError, match='1 to 3, or "all"'):
        model.explain(X[0], 1, member=4)


def test_an_untrained_model_cannot_explain() -> None:
    with pytest.raises(TrainingError) as caught:
        Model(Dense(1), "mse").explain(X[0], 1.0)
    assert caught.value.code == "E503"


def test_the_function_takes_a_trace(classifier: Model) -> None:
    t = classifier.trace(X[0], KINDS[0])
    assert str(explain(t, labels=classifier.labels)) == str(classifier.explain(X[0], KINDS[0]))
    assert "0.0" in str(explain(t, weight="dense1.weight[-1,-1]"))


def test_samples_that_pull_a_bias_of_a_member_are_compared() -> None:
    net = Sequential(EnsembleNormalization(2), EnsembleDense(1), EnsembleMean("value"))
    model = Model(net, "mse", Adam(0.01))
    model.initialize({"x": X})
    replay = model.replay(1, X, VALUES[:, 0], seed=0)
    text = str(replay.explain(depth=2, lang="en"))
    assert "in opposite directions" in text
    assert "b₁₁" in text  # of member 1


def test_reasons_write_inputs_as_the_derivation_does(classifier: Model) -> None:
    page = str(explain_prediction(Request(classifier.state, X[0], None, None, 1, None, True), "en"))
    assert "\nx₄" in page
    assert "x[" not in page
    parts = classifier.attribute(X[0]).contributions()
    assert sorted(part.index for part in parts) == [(0,), (1,), (2,), (3,)]
    assert all(part.source == "x" and part.name == f"x{'₁₂₃₄'[part.index[0]]}" for part in parts)


@pytest.mark.parametrize(
    ("places", "total", "sentence"),
    [
        (1, 1, "The only parameter was changed by"),
        (3, 3, "Each of the 3 parameters was changed by"),
        (1, 8, "A sample of 1 of the 8 parameters (fixed seed) was changed by"),
        (1000, 2000, "A sample of 1,000 of the 2,000 parameters (fixed seed) was changed by"),
    ],
)
def test_the_gradient_check_states_how_many_parameters_it_changed(
    classifier: Model, monkeypatch: pytest.MonkeyPatch, places: int, total: int, sentence: str
) -> None:
    real = classifier.trace(X[:1], KINDS[:1])
    checked = replace(
        real.gradient_check,
        places=real.gradient_check.places[:1] * places,
        analytic=(1.0,) * places,
        numeric=(1.0,) * places,
        total=total,
    )
    monkeypatch.setattr(type(real), "gradient_check", property(lambda _: checked))
    for lang in ("en", "zh"):
        text = " ".join(str(explain(real, 2, lang)).split())
        assert (sentence in text) == (lang == "en")
        assert lang == "en" or ("唯一" in text) == (total == 1)
