"""The example robot: a short training end to end, the environment, the controller, the animation."""

from __future__ import annotations

import base64
import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule_examples.robot import lesson as robot
from chainrule_examples.robot import robots
from chainrule_examples.robot.page import NAMES
from chainrule_examples.robot.robots import PENDULUM, REACHER, run
from chainrule_examples.robot.twin_critics import Agent, Settings
from saved_scores import check_own_input

pytest.importorskip("gymnasium")


@pytest.mark.parametrize("out", ["file", "file/run"])
def test_a_file_is_refused_as_the_folder_before_the_training(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["example", "robot", "--out", str(tmp_path / out)]) == 2
    captured = capsys.readouterr()
    assert f"received  {tmp_path / 'file'}\n" in captured.err
    assert not captured.out


def test_a_training_shorter_than_an_episode_has_no_mean_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(robot, "STARTS", 2)
    assert main(["example", "robot", "--steps", "1", "--seeds", "1"]) == 0
    out = capsys.readouterr().out
    assert "no episode ended" in out
    assert "nan" not in out


@pytest.mark.long
def test_a_short_training_is_scored_saved_and_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(robot, "STARTS", 5)
    assert main(["example", "robot", "--steps", "1050", "--seeds", "1", "--out", "run", "--lang", "zh"]) == 0
    assert "手工控制器" in capsys.readouterr().out
    scores = json.loads(Path("run/scores.json").read_text(encoding="utf-8"))
    assert scores["controller by hand"]["return"][0] > -200 > scores["no torque"]["return"][0]
    for page in ("robot.html", "report.html"):
        assert "<svg" in Path("run", page).read_text(encoding="utf-8")
    assert main(["predict", "run", "run/states.npz"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    states = np.load("run/states.npz")["x"]
    expected = np.asarray(cr.load("run/model.safetensors")(states))[:, 0]
    assert [float(row["prediction"]) for row in rows] == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected).max() <= 1
    check_saved_policy(scores[NAMES["net"]]["return"][0], capsys)
    np.savez("own.npz", x=np.array([[1.0, 0.0, 0.5]], np.float32))
    np.savez("other.npz", x=np.ones((1, 5), np.float32))
    check_own_input("run", ["own.npz"], ["other.npz"], capsys)


def check_saved_policy(expected: float, capsys: pytest.CaptureFixture[str]) -> None:
    """The actions that ``chainrule predict`` prints reach the return that the example printed."""
    model = cr.load("run/model.safetensors")

    def act(states: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(states)).reshape(len(states), -1)

    total = run(PENDULUM, act, 5, robot.TEST_SEED)[0]
    assert total.mean() == pytest.approx(expected, rel=1e-6)
    assert main(["predict", "run", "run/states.npz", "--raw"]) == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    printed = np.array([[float(row["prediction"])] for row in rows])
    np.testing.assert_allclose(printed, act(np.load("run/states.npz")["x"]), atol=1e-6)


def test_the_animation_shows_the_test_episode_with_the_lowest_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(robot, "STARTS", 2)
    out = tmp_path / "run"
    assert main(["example", "robot", "--steps", "201", "--seeds", "1", "--out", str(out)]) == 0
    model = cr.load(out / "model.safetensors")
    totals, episodes = run(PENDULUM, lambda states: np.asarray(model(states)), 10, robot.TEST_SEED)
    states = np.load(out / "states.npz")["x"]
    np.testing.assert_allclose(states, episodes[:, totals.argmin()], atol=1e-4)
    embedded = base64.b64encode((out / "pendulum.gif").read_bytes()).decode()
    assert f"data:image/gif;base64,{embedded}" in (out / "robot.html").read_text(encoding="utf-8")


def test_starts_depend_on_the_seed_alone() -> None:
    def push(states: np.ndarray) -> np.ndarray:
        return np.ones((len(states), 1))

    first, again, other = (run(PENDULUM, push, 3, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("mass", [0.7, 1.0, 1.3])
def test_the_controller_by_hand_holds_the_pendulum_upright(mass: float) -> None:
    _, states = run(PENDULUM, robots.swing_up, 8, 3, mass)
    assert states[-1, :, 0].min() > 0.99  # the cosine of the angle


@given(st.floats(-3.1, 3.1), st.floats(-3.0, 3.0))
def test_inverse_kinematics_reaches_every_position_of_the_fingertip(first: float, elbow: float) -> None:
    target = robots.fingertip(np.array([[first, elbow]]))
    for bend in (1, -1):
        angles = robots.angles_of(target, bend)
        np.testing.assert_allclose(robots.fingertip(angles), target, atol=1e-6)
        assert bend * angles[0, 1] >= 0


def test_a_target_out_of_reach_is_approached() -> None:
    angles = robots.angles_of(np.array([[0.0, 0.3]]), 1)
    np.testing.assert_allclose(robots.fingertip(angles), [[0.0, robots.UPPER + robots.LOWER]], atol=1e-9)


def test_the_arm_of_the_environment_is_that_of_the_equations() -> None:
    pytest.importorskip("mujoco")
    states = run(REACHER, robots.reach, 20, 0)[1] / np.array(robots.SCALE)
    for step in (states[0], states[-1]):  # at rest; in motion the environment returns an earlier position
        tips = robots.fingertip(np.arctan2(step[:, 2:4], step[:, :2]))
        np.testing.assert_allclose(tips - step[:, 4:6], step[:, 8:10], atol=1e-4)


def test_the_controller_by_hand_brings_the_fingertip_to_the_target() -> None:
    pytest.importorskip("mujoco")
    total, states = run(REACHER, robots.reach, 20, 3)
    distances = np.linalg.norm(states[-1, :, 8:10] / np.array(robots.SCALE[8:]), axis=1)
    assert distances.max() < 0.005
    assert total.mean() > -3.75  # the threshold of gymnasium


def test_the_reacher_is_trained_scored_saved_and_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mujoco")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(robot, "STARTS", 4)
    words = ["--robot", "reacher", "--steps", "260", "--seeds", "1", "--out", "run"]
    assert main(["example", "robot", *words]) == 0
    assert "motors" in capsys.readouterr().out
    scores = json.loads(Path("run/scores.json").read_text(encoding="utf-8"))
    assert scores["controller by hand"]["return"][0] > -5 > scores["no torque"]["return"][0]
    assert Path("run/reacher.gif").read_bytes()[:3] == b"GIF"
    assert main(["predict", "run", "run/states.npz"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 51


def test_an_animation_has_a_frame_for_each_step() -> None:
    states = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    with Image.open(io.BytesIO(robots.pendulum_animation(states, np.array([[0.0], [1.0], [-1.0]])))) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB"), int))
    assert len(frames) == 3
    dark = [np.argwhere(frame.sum(axis=2) < 500).mean(axis=0) for frame in frames]  # row, column
    assert dark[0][0] < 90  # upright: above the middle
    assert dark[1][1] < 90  # the angle grows counterclockwise
    assert dark[2][0] > 110


def test_the_agent_finds_the_better_action() -> None:
    settings = Settings(width=16, batch=32, start=50, discount=0.0, learning_rate=0.01)
    agent, rng = Agent(2, 1, settings, seed=0), np.random.default_rng(0)
    for _ in range(500):
        state = rng.uniform(-1, 1, (1, 2)).astype(np.float32)
        action = agent.act(state, explore=True)
        reward = -((action[0, 0] - 0.5 * state[0, 0]) ** 2)  # best: half of the first number
        agent.buffer.add(state=state[0], action=action[0], reward=[reward], after=state[0], end=[1.0])
        agent.learn()
    states = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    errors = np.abs(agent.act(states)[:, 0] - 0.5 * states[:, 0])
    assert errors.mean() < 0.15


@pytest.mark.parametrize(("library", "name"), [("gymnasium", "pendulum"), ("mujoco", "reacher")])
def test_a_missing_library_is_one_clear_line(
    library: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [m for m in sys.modules if m.startswith(("mujoco", "gymnasium.envs.mujoco"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    assert main(["example", "robot", "--robot", name, "--steps", "10"]) == 2
    error = capsys.readouterr().err
    assert "chainrule[robots]" in error
    assert "Traceback" not in error
