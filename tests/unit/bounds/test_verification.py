"""Verdicts: never wrong beside an exhaustive grid, and the command prints them with its exit code."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from chainrule.apps.cli.main import main
from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import verify
from chainrule.bounds.verified_network import Subject
from chainrule.graph import constant, input_node
from chainrule.ops import functional as F


def network(seed: int, inputs: int = 2, activation: str = "relu") -> Subject:
    rng = np.random.default_rng(seed)
    x = h = input_node("x", (None, inputs), "float32")
    for _ in range(2):
        w, b = rng.normal(size=(h.shape[-1], 6)), rng.normal(size=6)
        h = getattr(F, activation)(h @ constant(w.astype("float32")) + constant(b.astype("float32")))
    return Subject(h @ constant(rng.normal(size=(6, 3)).astype("float32")), {}, x.op.label)


def case_of(rows: list[list[float]], limits: list[float], inputs: int = 2) -> Case:
    one = Fraction(1)
    return Case((-one,) * inputs, (one,) * inputs, np.array(rows), tuple(map(Fraction, limits)))


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["relu", "tanh"]), st.floats(-2, 2), st.integers(1, 2))
def test_verdicts_agree_with_a_grid(seed: int, activation: str, shift: float, conditions: int) -> None:
    subject = network(seed, activation=activation)
    axis = np.linspace(-1, 1, 81)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    y = subject.run(grid).astype(float)
    rows = [[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]][:conditions]
    worst = (y @ np.array(rows).T).max(1)
    # Limits near the smallest value of the grid: properties that barely hold or are barely violated.
    limit = float(np.float32(worst.min() + 0.02 * shift * (worst.max() - worst.min())))
    case = case_of(rows, [limit] * conditions)
    verdict = verify(subject, [case], seconds=2)
    if (worst < limit - 1e-5).any():
        assert verdict.status == "violated"
    if verdict.status == "holds":
        assert not (worst < limit - 1e-5).any()
    if verdict.counterexample is not None:
        x = verdict.counterexample.x
        assert case.contains(x)
        assert (subject.run(x[None])[0].astype(float) @ np.array(rows).T <= limit).all()


def test_a_property_that_holds_is_proven_by_several_threads() -> None:
    subject = network(3, inputs=4)
    rng = np.random.default_rng(0)
    y = subject.run(2 * rng.random((20_000, 4)) - 1).astype(float)
    limit = float(y[:, 0].min() - 0.05 * np.ptp(y[:, 0]))
    case = case_of([[1.0, 0.0, 0.0]], [limit], 4)
    verdicts = [verify(subject, [case], seconds=60, workers=workers) for workers in (1, 3)]
    assert [verdict.status for verdict in verdicts] == ["holds", "holds"]


def test_the_search_ends_when_the_time_is_over() -> None:
    case = case_of([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]], [0.0, -1e-9])  # 1e-9 <= y <= 0: nearly possible
    verdict = verify(network(1), [case], seconds=0.0)
    assert verdict.status in ("unknown", "violated")
    assert verdict.counterexample is None or verdict.status == "violated"


def test_a_box_of_one_point_is_decided() -> None:
    subject, x = network(2), (Fraction(1, 4), Fraction(-1, 2))
    y = subject.run(np.array([[0.25, -0.5]]))[0].astype(float)
    for margin, status in ((0.01, "violated"), (-0.01, "holds")):
        case = Case(x, x, np.array([[1.0, 0.0, 0.0]]), (Fraction(y[0] + margin),))
        assert verify(subject, [case]).status == status


def test_a_box_without_conditions_and_without_a_number_of_the_dtype_is_unknown() -> None:
    tenth = (Fraction(1, 10),) * 2  # no number of float32
    case = Case(tenth, tenth, np.zeros((0, 3)), ())
    assert verify(network(2), [case]).status == "unknown"
    inside = Case(tenth, (Fraction(1, 5),) * 2, np.zeros((0, 3)), ())
    assert verify(network(2), [inside]).status == "violated"


@pytest.mark.long
def test_a_violation_that_touches_a_boundary_is_found_where_a_number_touches_it() -> None:
    """Of y = x w y >= its largest value is met at one corner, with equality."""
    x = input_node("x", (None, 2), "float32")
    w = np.array([[0.125], [-0.75]], "float32")
    subject = Subject(F.relu(x) @ constant(w), {}, "x")
    one, limit = Fraction(1), Fraction(1, 8)
    box = (-one,) * 2, (one,) * 2

    def status(limit: Fraction, strict: bool = False) -> str:
        case = Case(*box, np.array([[-1.0]]), (-limit,), (strict,))
        return verify(subject, [case], seconds=2).status

    assert status(limit) == "violated"
    assert status(limit, strict=True) != "violated"
    assert status(limit + Fraction(1, 10**6)) == "holds"


def test_a_point_that_only_real_numbers_touch_is_no_counterexample() -> None:
    x = input_node("x", (None, 1), "float32")
    tenth = Fraction(1, 10)  # no number of float32
    case = Case((Fraction(0),), (tenth,), np.array([[-1.0]]), (-tenth,))
    assert verify(Subject(F.relu(x), {}, "x"), [case], seconds=1).status == "unknown"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A network y = relu(x0) + relu(x1) and a property with bounds -1 and 1; the limit is ``LIMIT``."""
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n]) for name, n in (("x", 2), ("y", 1))
    )
    steps = [helper.make_node("Relu", ["x"], ["h"]), helper.make_node("MatMul", ["h", "w"], ["y"])]
    ones = numpy_helper.from_array(np.ones((2, 1), "float32"), "w")
    proto = helper.make_model(helper.make_graph(steps, "net", [x], [y], [ones]))
    network, requirement = tmp_path / "net.onnx", tmp_path / "prop.vnnlib"
    onnx.save(proto, str(network))
    bounds = "".join(f"(assert (<= X_{i} 1))\n(assert (>= X_{i} -1))\n" for i in range(2))
    requirement.write_text(bounds + "(assert (>= Y_0 LIMIT))\n")
    return network, requirement


@pytest.mark.parametrize(
    ("limit", "word", "code"), [("2.1", "holds", 0), ("2.0", "violated", 3), ("1.9", "violated", 3)]
)
def test_the_command_prints_the_verdict(
    files: tuple[Path, Path],
    limit: str,
    word: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    network, requirement = files
    requirement.write_text(requirement.read_text().replace("LIMIT", limit))
    out = tmp_path / "found.txt"
    assert main(["verify", str(network), str(requirement), "--out", str(out)]) == code
    printed = capsys.readouterr().out
    assert printed.startswith(f"{word}\n")
    assert out.exists() == (word == "violated")
    if out.exists():
        values = {name: float(v) for name, v in re.findall(r"\((\w+) (\S+?)\)", out.read_text())}
        assert values["Y_0"] >= 1.9
        assert max(values["X_0"], 0) + max(values["X_1"], 0) == pytest.approx(values["Y_0"])


def test_integers_of_a_counterexample_are_decimals_of_smt_lib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", [x], [y])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(proto, str(tmp_path / "net.onnx"))
    (tmp_path / "prop.vnnlib").write_text("(assert (>= X_0 2))(assert (<= X_0 2))(assert (>= Y_0 1))")
    words = ("verify", str(tmp_path / "net.onnx"), str(tmp_path / "prop.vnnlib"), "--lang", "zh")
    assert main([*words, "--out", str(tmp_path / "out.txt")]) == 3
    assert (tmp_path / "out.txt").read_text() == "sat\n((X_0 2.0)\n (Y_0 2.0))\n"
    assert "变量" in capsys.readouterr().out


def test_the_command_states_that_nothing_was_shown_in_time(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    network, requirement = files
    requirement.write_text(requirement.read_text().replace("LIMIT", "2.0000001"))
    assert main(["verify", str(network), str(requirement), "--timeout", "1e-9"]) in (0, 4)
    assert capsys.readouterr().out.split("\n")[0] in ("holds", "unknown")
    assert main(["verify", str(network), str(requirement), "--timeout", "-1"]) == 2
    assert "E102" in capsys.readouterr().err


def test_a_property_about_no_input_is_named(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    network, requirement = files
    requirement.write_text(requirement.read_text().replace("LIMIT", "1") + "(assert (>= X_0 2))")
    assert main(["verify", str(network), str(requirement)]) == 5
    printed = capsys.readouterr().out
    assert printed.startswith("empty\n")
    assert "holds" not in printed
    assert "2 <= X_0 <= 1" in printed
    assert main(["verify", str(network), str(requirement), "--lang", "zh"]) == 5
    assert "没有任何输入" in capsys.readouterr().out


@pytest.mark.long
def test_more_conditions_than_fit_into_memory_are_refused(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    network, requirement = files
    steps = [helper.make_node("Concat", ["x"] * 2, ["h0"], axis=1)]
    steps += [helper.make_node("Concat", [f"h{i}"] * 2, [f"h{i + 1}"], axis=1) for i in range(14)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    y = helper.make_tensor_value_info("h14", TensorProto.FLOAT, None)
    opset = helper.make_opsetid("", 17)
    proto = helper.make_model(helper.make_graph(steps, "net", [x], [y]), opset_imports=[opset])
    onnx.save(proto, str(network))
    bounds = requirement.read_text().split("(assert (>= Y_0")[0]
    requirement.write_text(bounds + "".join(f"(assert (<= Y_{i} 1))" for i in range(2000)))
    assert main(["verify", str(network), str(requirement)]) == 2
    assert "E460" in capsys.readouterr().err


@pytest.mark.parametrize(("outer", "limit"), [("sigmoid", 1.01), ("tanh", 1.01), ("clip", 0.71)])
def test_the_range_of_a_function_is_known_behind_a_normalization(outer: str, limit: float) -> None:
    """No line proves it: the deviation can be 0. The rounded variance is not below 0, though."""
    x = input_node("x", (None, 6), "float32")
    centered = x - F.mean(x, 1, keepdims=True)
    deviation = F.sqrt(F.mean(F.square(centered), 1, keepdims=True) + 1e-5)
    z = centered / deviation
    y = F.clip(z, -1.0, 0.7) if outer == "clip" else getattr(F, outer)(z)
    violation = case_of([[-1.0, 0, 0, 0, 0, 0]], [-limit], 6)  # y[0] >= limit
    result = verify(Subject(y, {}, x.op.label), [violation], seconds=60)
    assert result.status == "holds"
    assert result.boxes == 1
