"""The example connect-four: self-play, a small training end to end, and a game in the terminal."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule_examples.connect_four import lesson as connect_four
from chainrule_examples.connect_four.alpha_beta_and_players import problems
from chainrule_examples.connect_four.display import board_svg
from chainrule_examples.connect_four.rules import EMPTY, mirrored, planes_of, position
from chainrule_examples.connect_four.self_play import (
    SelfPlay,
    Settings,
    evaluator,
    mirror,
    policy_value_network,
    saved_model,
)
from chainrule_examples.connect_four.tree_search import PolicyPlayer, uniform
from saved_scores import check_own_input, check_saved_scores


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The RUN of a short training."""
    folder = tmp_path_factory.mktemp("connect-four") / "run"
    with pytest.MonkeyPatch.context() as patch:
        small = replace(connect_four.QUICK, channels=8, blocks=1, games=Settings(games=16, visits=8))
        for name, value in {
            "PROBLEMS": 20,
            "OPENINGS": 2,
            "PLAYOUTS": 14,
            "VISITS": 20,
            "QUICK": small,
        }.items():
            patch.setattr(connect_four, name, value)
        connect_four.main(seeds=2, rounds=30, out=str(folder))
    return folder


@pytest.mark.long
def test_a_short_training_is_scored_and_its_run_predicts(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert len(scores["network without search"][connect_four.KEEPS]) == 2
    assert (
        scores["random"][connect_four.KEEPS][0]
        < scores["flat Monte Carlo, 700 playouts"][connect_four.KEEPS][0]
    )
    for page in ("game.html", "report.html"):
        assert "<svg" in (run / page).read_text(encoding="utf-8")
    assert main(["predict", str(run), str(run / "positions.npz")]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    planes = np.load(run / "positions.npz")["x"]
    model = cr.load(run / "model.safetensors")
    raw = model(planes)
    columns = np.array([int(row["prediction policy"]) for row in rows])
    assert columns.tolist() == (raw["policy"].argmax(axis=1) + 1).tolist()
    assert np.abs(raw["value"]).max() <= 1
    tests = problems(20, connect_four.SEED)
    player = PolicyPlayer(evaluator(model))
    assert player(tests.own, tests.mask).tolist() == (columns - 1).tolist()
    np.savez(tmp_path / "own.npz", x=planes[:3])
    np.savez(tmp_path / "other.npz", x=planes[:3, :5])
    own, foreign = [tmp_path / "own.npz"], [tmp_path / "other.npz"]
    names = {str(column) for column in range(1, 8)}
    check_own_input(run, own, foreign, capsys, column="prediction policy", names=names)
    titles = {connect_four.KEEPS: "policy accuracy"}
    check_saved_scores(run, run / "positions.npz", "network without search", titles, capsys)


def model_of(net: cr.Layer) -> cr.Model:
    """A network with initial parameters."""
    model = cr.Model(net, {"policy": "cross_entropy", "value": "mse"})
    return model.initialize(np.zeros((7, 6, 7, 4), np.float32), seed=0)


def test_a_saved_network_plays_no_full_column() -> None:
    net = policy_value_network(4, 1)
    first = model_of(net)
    model = saved_model(net, cr.Parameters(first))
    moves = [3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 6]
    planes = planes_of(*(np.array([part]) for part in position(moves)))
    own, scores = first(planes)["policy"][0], model(planes)["policy"][0]
    is_full = np.isin(np.arange(7), [0, 3])
    np.testing.assert_allclose(scores[~is_full], own[~is_full], atol=1e-6)
    assert scores[is_full].max() < -1000


def typed(text: str, monkeypatch: pytest.MonkeyPatch, run: Path) -> int:
    """The exit code of a game against the network with some input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return main(["example", "connect-four", "--play", "--run", str(run)])


@pytest.mark.long  # compiles the search
@pytest.mark.parametrize("text", ["", "4\n", "q\n", "4\n0\nx\n99999999999999999999\n٣\n\n"])
def test_the_end_of_the_input_ends_a_game(
    text: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(text, monkeypatch, run) == 0
    output = capsys.readouterr().out
    assert "The game ends here." in output
    assert ("network plays" in output) == ("4" in text)


def test_wrong_input_is_named_in_one_line(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("eight\n4\n4\n4\n4\n4\n4\n4\n", monkeypatch, run)
    output = capsys.readouterr().out
    assert "expected a column from 1 to 7, received “eight”" in output
    assert "column 4 is full; open: 1, 2, 3, 5, 6, 7" in output or "The network wins." in output


def test_a_game_is_played_to_its_end(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("".join(f"{c}\n" for c in "1234567" * 40), monkeypatch, run) == 0
    assert capsys.readouterr().out.splitlines()[-1] in ("You win.", "The network wins.", "Draw.")


def save_another_model(file: Path) -> None:
    cr.Model(cr.Sequential(cr.Dense(2)), "mse").initialize(np.zeros((1, 3), np.float32)).save(file)


@pytest.mark.parametrize(
    "make", [save_another_model, lambda file: file.write_bytes(b"no model"), lambda file: None]
)
def test_a_foreign_model_is_one_clear_line(
    make: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "model.safetensors")
    assert main(["example", "connect-four", "--play", "--run", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "fix" in error
    assert "Traceback" not in error


def test_self_play_yields_positions_with_probabilities_and_values() -> None:
    excluded = [EMPTY, position([3])]
    games = SelfPlay(Settings(games=12, visits=12, random_moves=1), excluded, seed=1)
    rows = [row for _ in range(45) for row in games.round(uniform)]
    assert games.finished > 12
    assert len(rows) <= games.rows  # excluded positions are played, but are no rows
    sums = np.array([row.policy.sum() for row in rows])
    np.testing.assert_allclose(sums[sums > 0], 1)
    assert all(-1 <= row.value[0] <= 1 for row in rows)
    forbidden = {planes_of(np.array([o]), np.array([m])).tobytes() for o, m in excluded}
    assert not forbidden & {row.planes[None].tobytes() for row in rows}
    assert max(row.planes.sum() for row in rows) > 20


def test_the_mirror_exchanges_left_and_right() -> None:
    games = SelfPlay(Settings(games=8, visits=8), [], seed=2)
    row = next(row for _ in range(40) for row in games.round(uniform) if row.policy.any())
    rows = type(row)(*(part[None] for part in row))
    for part, twice in zip(rows, mirror(mirror(rows)), strict=True):
        np.testing.assert_array_equal(part, twice)
    board = position([0, 1, 0])
    planes = planes_of(np.array(board[:1]), np.array(board[1:]))
    seen = mirror(rows._replace(planes=planes)).planes
    np.testing.assert_array_equal(seen, planes_of(*(np.array([mirrored(part)]) for part in board)))


def test_the_board_numbers_the_stones() -> None:
    moves = [3, 3, 2, 6]
    markup = board_svg([position(moves[:i]) for i in range(len(moves) + 1)])
    assert [f">{i}<" in markup for i in range(1, 6)] == [True] * 4 + [False]
    assert markup.count("<circle") == 42


def test_a_saved_network_has_no_updates_of_a_trainer_without_steps(tmp_path: Path) -> None:
    net = policy_value_network(4, 1)
    saved_model(net, cr.Parameters(model_of(net))).save(tmp_path / "model.safetensors")
    assert "steps" not in cr.load(tmp_path / "model.safetensors").facts
