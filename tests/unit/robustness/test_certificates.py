"""``Model.certify``: proofs are never refuted, counterexamples are real, and bad input is one clear error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.requirement import Case
from chainrule.bounds.verified_network import Subject
from chainrule.errors import ChainruleError, TrainingError, UsageError
from chainrule.graph import input_node
from chainrule.ops import functional as F
from chainrule.robustness import certificates
from chainrule.robustness.ball import Stream
from chainrule.robustness.certificates import Region, lower_limit, smoothed


def data(seed: int, inputs: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples around one center for each class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 60)
    return (rng.normal(size=(classes, inputs))[y] + 0.3 * rng.normal(size=(60, inputs))).astype("float32"), y


def trained(net: cr.Layer, x: np.ndarray, y: np.ndarray, epochs: int = 20) -> cr.Model:
    model = cr.Model(net, "cross_entropy", cr.Adam(0.03), engine="reference")
    model.fit(x, y, epochs=epochs, seed=0, verbose=False, doctor=False, probes=False)
    return model


def changes(radius: float, norm: str, inputs: int, rng: np.random.Generator) -> np.ndarray:
    """Changes in a ball, most of them on its surface: corners, axes and random directions."""
    if norm == "inf":
        return radius * np.sign(rng.normal(size=(400, inputs)))
    directions = np.concatenate([rng.normal(size=(400, inputs)), np.eye(inputs), -np.eye(inputs)])
    return 0.999999 * radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)


@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from(["relu", "tanh", "gelu", "leaky_relu"]),
    st.sampled_from(["inf", "2"]),
    st.sampled_from([0.05, 0.3]),
)
def test_no_change_refutes_a_proof_and_every_counterexample_is_real(
    seed: int, activation: str, norm: str, radius: float
) -> None:
    x, y = data(seed, 2, 3)
    model = trained(cr.Sequential(cr.Dense(8, activation), cr.Dense(3)), x, y)
    rows = x[:12]
    certificate = model.certify(rows, radius=radius, norm=norm, seconds=1.0)
    assert list(certificate.predictions) == list(model.predict(rows))
    rng = np.random.default_rng(seed)
    for i, status in enumerate(certificate.status):
        attacked = model.predict((rows[i] + changes(radius, norm, 2, rng)).astype("float32"))
        if status == "proven":
            assert (attacked == certificate.predictions[i]).all()
        assert (i in certificate.counterexamples) == (status == "broken")
    for i, point in certificate.counterexamples.items():
        assert model.predict(point[None])[0] == certificate.attacked[i] != certificate.predictions[i]
        change = point.astype(float) - rows[i]
        assert (np.abs(change).max() if norm == "inf" else np.linalg.norm(change)) <= radius


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_the_distance_to_the_boundary_of_a_linear_classifier_is_certified(norm: str) -> None:
    x, y = data(3, 5, 2)
    model = trained(cr.Dense(2), x, y)
    w, b = (model.state.parameters[f"{name}"].astype(float) for name in ("weight", "bias"))
    gradient = w[0] - w[1] if w.shape[0] == 2 else w[:, 0] - w[:, 1]
    length = np.abs(gradient).sum() if norm == "inf" else np.linalg.norm(gradient)
    distances = np.abs(x[:5].astype(float) @ gradient + b[0] - b[1]) / length
    assert distances.shape == (5,)
    for row, distance in zip(x[:5], distances, strict=True):
        assert model.certify(row[None], radius=0.999 * distance, norm=norm).status == ("proven",)
        assert model.certify(row[None], radius=1.01 * distance, norm=norm).status == ("broken",)


def test_images_are_certified_within_the_range_of_pixels() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((60, 6, 6, 1)).astype("float32") * 0.4
    y = rng.integers(0, 2, 60)
    x[y == 1, :3] += 0.5
    net = cr.Sequential(
        cr.Conv(4, 3, activation="relu"), cr.BatchNorm(), cr.MaxPool(2), cr.Flatten(), cr.Dense(2)
    )
    model = trained(net, x, y, epochs=12)
    certificate = model.certify(x[:10], radius=0.02)
    assert "proven" in certificate.status
    corners = np.clip(x[:10] + 0.02 * np.sign(rng.normal(size=(50, 10, 6, 6, 1))), 0, 1).astype("float32")
    for i, status in enumerate(certificate.status):
        if status == "proven":
            assert (model.predict(corners[:, i]) == certificate.predictions[i]).all()


def test_a_single_score_of_two_classes_is_certified() -> None:
    x, y = data(5, 3, 2)
    model = cr.Model(cr.Dense(1), "binary_cross_entropy", cr.Adam(0.05), engine="reference")
    model.fit(x, y, epochs=20, seed=0, verbose=False)
    certificate = model.certify(x[:6], radius=0.0)
    assert certificate.status == ("proven",) * 6
    assert set(model.certify(x[:6], radius=50.0).status) == {"broken"}


def test_a_single_score_of_many_inputs_is_divided_by_signs() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(200, 20)).astype("float32")
    net = cr.Sequential(cr.Dense(16, "relu"), cr.Dense(16, "relu"), cr.Dense(1))
    model = cr.Model(net, "binary_cross_entropy", cr.Adam(0.02), engine="reference")
    labels = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(int)
    model.fit(x, labels, epochs=10, seed=0, verbose=False)
    quick, slow = (model.certify(x[:12], radius=0.2, seconds=seconds) for seconds in (0.0, 2.0))
    assert slow.status.count("unknown") < quick.status.count("unknown")
    corners = x[:12] + 0.2 * np.sign(rng.normal(size=(200, 12, 20))).astype("float32")
    for i, status in enumerate(slow.status):
        if status == "proven":
            assert (model.predict(corners[:, i]) == slow.predictions[i]).all()


def test_smoothing_certifies_no_more_than_the_true_radius_of_a_linear_classifier() -> None:
    gradient = np.array([3.0, 4.0])

    def classify(x: np.ndarray) -> np.ndarray:
        return (x @ gradient > 0).astype(np.int64)

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 2))
    result = smoothed(classify, x, np.full(2, 0.5), 2000, 0.001, Stream(np.array([1, 2], "uint32")))
    distance = np.abs(x @ gradient) / 5.0
    assert (0.5 * result.radii <= distance).all()
    assert (0.5 * result.radii > 0.6 * np.minimum(distance, 1.0))[distance > 0.3].all()
    assert (result.classes == classify(x))[distance > 0.1].all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.floats(0.001, 0.2), st.integers(0, 1000))
def test_the_lower_limit_is_the_binomial_quantile(samples: int, failure: float, seed: int) -> None:
    count = seed % (samples + 1)
    limit = lower_limit(count, samples, failure)
    # At the limit, at least `count` successes have the probability `failure`.
    k = np.arange(samples + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(samples, 0, -1) / np.arange(1, samples + 1)))])
    if 0 < limit < 1:
        share = np.exp(logs + k * np.log(limit) + (samples - k) * np.log1p(-limit))
        assert share[count:].sum() == pytest.approx(failure, rel=1e-6)
    assert limit <= count / samples


BAD = [
    ({"radius": -0.1}, "E102"),
    ({"radius": float("nan")}, "E102"),
    ({"radius": "wide"}, "E102"),
    ({"radius": 0.1, "norm": "1"}, "E101"),
    ({"radius": 0.1, "method": "proof"}, "E101"),
    ({"radius": 0.1, "method": "smoothing", "norm": "inf"}, "E102"),
    ({"radius": 0.1, "method": "smoothing", "failure": 0.7}, "E102"),
    ({"radius": 0.1, "method": "smoothing", "samples": 2.5}, "E102"),
    ({"radius": 0.1, "second": 3}, "E101"),
]


@pytest.mark.parametrize(("options", "code"), BAD)
def test_bad_options_are_one_error_in_both_languages(options: dict, code: str) -> None:
    x, y = data(0, 2, 2)
    model = trained(cr.Dense(2), x, y, epochs=1)
    with pytest.raises(ChainruleError) as caught:
        model.certify(x[:2], **options)
    assert caught.value.code == code
    assert caught.value.render("en") != caught.value.render("zh")
    assert "attack" not in caught.value.render("en")


def test_samples_of_another_shape_and_other_models_are_refused() -> None:
    x, y = data(0, 2, 2)
    with pytest.raises(ChainruleError) as caught:
        trained(cr.Dense(2), x, y, epochs=1).certify(np.zeros((3, 5)), radius=0.1)
    assert caught.value.code == "E209"
    with pytest.raises(TrainingError) as refused:
        cr.Model(cr.Dense(2), "cross_entropy").certify(x, radius=0.1)
    assert refused.value.code == "E503"


def test_the_result_states_what_was_proven_in_both_languages() -> None:
    x, y = data(0, 2, 2)
    model = trained(cr.Dense(2), x, y)
    english, chinese = (str(model.certify(x[:5], radius=0.2, lang=lang)) for lang in ("en", "zh"))
    assert "exact arithmetic" in english
    assert "精确算术" in chinese
    smooth = model.certify(x[:3], radius=0.2, method="smoothing", samples=200)
    assert smooth.radii is not None
    assert all((r >= 0.2) == (s == "proven") for r, s in zip(smooth.radii, smooth.status, strict=True))
    assert "0.001" in str(smooth)


def test_predictions_of_the_command_line_have_certificates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = data(7, 3, 2)
    table = tmp_path / "rows.csv"
    pl.DataFrame({**{f"x{i}": x[:, i] for i in range(3)}, "kind": np.array(["a", "b"])[y]}).write_csv(table)
    run = str(tmp_path / "run")
    options = ["--target", "kind", "--net", "4 relu", "--epochs", "5", "--out", run]
    assert main(["train", str(table), *options]) == 0
    capsys.readouterr()
    assert main(["predict", run, str(table), "--certify", "0.1"]) == 0
    printed = capsys.readouterr()
    frame = pl.read_csv(printed.out.encode())
    assert set(frame["certificate"]) <= {"proven", "broken", "unknown"}
    assert f"{(frame['certificate'] == 'proven').sum()} proven" in printed.err
    broken = frame.filter(pl.col("certificate") == "broken")
    assert (broken["changed prediction"] != broken["prediction"]).all()
    assert main(["predict", run, str(table), "--certify", "-1"]) == 2
    assert "E102" in capsys.readouterr().err


def test_linear_bounds_use_the_ball_of_the_euclidean_norm() -> None:
    # A cube around the ball is far larger in 40 dimensions: its bounds prove nothing at this radius.
    x, y = data(2, 40, 2)
    model = trained(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), x, y)
    status = [
        model.certify(x[:20], radius=0.7, norm=norm, seconds=0).status.count("proven")
        for norm in ("2", "inf")
    ]
    assert status == [20, 0]
    divided = model.certify(x[:20], radius=0.7, seconds=1)
    assert divided.status.count("proven") > 0
    is_proven = np.array([s == "proven" for s in divided.status])
    attacked = model.attack(x[:20], divided.predictions, radius=0.7, method="pgd", restarts=20)
    assert not (is_proven & attacked.success).any()


def test_an_operation_without_a_rule_is_named_with_smoothing_which_has_no_rules() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4, 2)).astype("float32")
    model = cr.Model(cr.Sequential(cr.GRU(3), cr.Dense(2)), "cross_entropy")
    model.fit(x, np.arange(20) % 2, epochs=1, verbose=False)
    with pytest.raises(UsageError) as raised:
        model.certify(x[:2], radius=0.1)
    assert raised.value.code == "E580"
    assert 'method="smoothing"' in raised.value.fix
    assert model.certify(x[:2], radius=0.1, method="smoothing", samples=50).radii.shape == (2,)


def test_only_classes_that_linear_bounds_leave_open_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the logits r(x) - r(x + 0.05) + 0.1, 0 and -5 bounds exclude only the last; r is relu."""
    x = input_node("x", (None, 1), "float64")
    first = F.relu(x) - F.relu(x + 0.05) + 0.1  # at least 0.05
    subject = Subject(F.concatenate([first, x * 0.0, x * 0.0 - 5.0], 1), {}, "x")
    region = Region(np.full((2, 1), -1.0), np.full((2, 1), 1.0), None)
    searched = []

    def search(subject: Subject, case: Case) -> BranchAndBound:
        searched.append(case.coefficients[0].tolist())
        return BranchAndBound(subject, case)

    monkeypatch.setattr(certificates, "BranchAndBound", search)
    is_proven, point = certificates.divided(subject, region, 0, 0, seconds=5.0)
    assert (is_proven, point) == (True, None)
    assert searched == [[1.0, -1.0, 0.0]]
