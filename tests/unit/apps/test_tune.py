"""``chainrule tune``: the same study after any interruption and for any number of workers; its scores."""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.apps.cli.main import main
from chainrule.errors import ChainruleError, FileError, UsageError
from chainrule.tabular.options import Options
from chainrule.tabular.search import storage as shared_storage
from chainrule.tabular.search.problem import Problem
from chainrule.tabular.search.space import NETWORK, ensemble_space
from chainrule.tabular.search.study import JOURNAL, ROUND, Study
from chainrule.tabular.search.workers import evaluator
from chainrule.tabular.training_plan import OVERRIDES
from chainrule.train.default_table_ensemble import recipe_for

TRIALS = 3 * ROUND


def score(trial: Any) -> float:
    """A score without a training: a smooth function of the settings."""
    return abs(np.log(trial["penalty"] / 1e-4)) + abs(trial["dropout"] - 0.1) + trial["layers"] / 10


def searched(path: Path, trials: int, sampler: str = "tpe") -> list[Any]:
    study = Study(path, NETWORK, 0, sampler)
    while len(study.trials) < trials:
        for proposal in study.proposals()[: trials - len(study.trials)]:
            study.add(proposal, score(proposal))
    return study.values


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("complete") / JOURNAL
    searched(path, TRIALS)
    return path


@pytest.mark.parametrize("trials", range(1, TRIALS))
def test_a_search_in_two_parts_makes_the_same_trials(trials: int, complete: Path, tmp_path: Path) -> None:
    searched(tmp_path / JOURNAL, trials)
    assert searched(tmp_path / JOURNAL, TRIALS) == Study(complete, NETWORK, 0).values


@given(part=st.floats(0.0, 1.0))
@settings(max_examples=25)
def test_a_search_that_was_killed_while_writing_makes_the_same_trials(
    part: float, complete: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, content = tmp_path_factory.mktemp("killed") / JOURNAL, complete.read_bytes()
    first = content.index(b"\n") + 1  # the study itself
    path.write_bytes(content[: first + round(part * (len(content) - first))])
    assert searched(path, TRIALS) == Study(complete, NETWORK, 0).values


def test_the_first_trial_has_the_default_settings(complete: Path) -> None:
    values = Study(complete, NETWORK, 0).values
    assert values[0][0] == NETWORK.defaults
    default, chosen = Options("t.csv"), NETWORK.options(Options("t.csv"), NETWORK.defaults)
    assert chosen.net == "64 relu, dropout 0.2, 64 relu, dropout 0.2"
    assert (chosen.penalty, chosen.learning_rate) == (default.penalty, default.learning_rate)


def fourth_round(path: Path, sampler: str, factor: float) -> list[dict[str, float]]:
    """The proposals after three rounds whose scores are multiplied by a factor."""
    study = Study(path, NETWORK, 0, sampler)
    while len(study.trials) < TRIALS:
        for proposal in study.proposals():
            study.add(proposal, factor * score(proposal))
    return study.proposals()


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_later_rounds_learn_from_earlier_ones_only_with_tpe(sampler: str, tmp_path: Path) -> None:
    proposals = [fourth_round(tmp_path / f"{factor}", sampler, factor) for factor in (1.0, -1.0)]
    assert (proposals[0] == proposals[1]) == (sampler == "random")


@pytest.mark.parametrize("name", NETWORK.ranges)
def test_settings_outside_the_search_space_are_refused(name: str, complete: Path, tmp_path: Path) -> None:
    for wrong in (-1.0, 1e9, float("nan"), "64 relu", True, None):
        assert not NETWORK.ranges[name].contains(wrong)
    lines = complete.read_text().splitlines(keepends=True)
    path = tmp_path / JOURNAL
    path.write_text("".join([*lines[:1], *(line.replace(f'"{name}"', '"other"') for line in lines[1:])]))
    with pytest.raises(FileError, match="E605"):
        Study(path, NETWORK, 0)


@pytest.mark.parametrize("content", ["no JSON\n", "[]\n", '{"op_code": 99}\n', "1\n" * 3, "[" * 9_000 + "\n"])
def test_a_journal_that_no_search_has_written_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text(content)
    with pytest.raises(FileError, match="E605"):
        Study(tmp_path / JOURNAL, NETWORK, 0)


def test_a_journal_with_another_name_outside_the_folder_is_not_written(
    complete: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(complete.read_bytes() + b"torn")
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / JOURNAL
    os.link(outside, path)
    with pytest.raises(FileError, match="E434"):
        Study(path, NETWORK, 0)
    assert outside.read_bytes().endswith(b"torn")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FileError, match="E402"):
        Study(path, NETWORK, 0)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ChainruleError, match="E350") as raised:
        Study(tmp_path / JOURNAL, NETWORK, 0)
    assert "chainrule[tune]" in raised.value.fix


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    y = np.where(x[:, 0] + 0.5 * rng.normal(size=80) > 0, "yes", "no")
    lines = [f"{a:.3f},{b:.3f},{c}" for (a, b), c in zip(x, y, strict=True)]
    (tmp_path / "t.csv").write_text("a,b,ill\n" + "\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("rows", [20, 1_000, 10_000, 100_000])
def test_the_first_trial_of_an_ensemble_is_its_recipe(rows: int) -> None:
    space, recipe = ensemble_space(rows), recipe_for(rows)
    assert all(values.contains(space.defaults[name]) for name, values in space.ranges.items())
    options = space.options(Options("t.csv"), space.defaults)
    passed = {name: getattr(options, name) for name in OVERRIDES if options.is_passed(name)}
    assert passed.keys() == space.ranges.keys()
    assert replace(recipe, **passed) == recipe


@pytest.mark.long
def test_worker_processes_compute_the_same_scores(table: Path) -> None:
    problem, scores = Problem.of(Options(str(table), target="ill", epochs=2, quick=True)), []
    trials = [NETWORK.defaults, {**NETWORK.defaults, "layers": 1, "dropout": 0.0}]
    for workers in (1, 2):
        with evaluator(problem, workers) as evaluate:
            scores.append(list(evaluate.scores(trials)))
    assert scores[0] == scores[1]
    assert scores[0][0] != scores[0][1]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler of Dask with two worker processes."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as own:
        yield own.scheduler_address


@pytest.mark.long
def test_workers_of_a_cluster_make_the_trials_of_one_process(
    table: Path, cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tune", "t.csv", "--target", "ill", "--quick", "--epochs", "2", "--trials", "4"]
    assert main([*words, "--round-size", "3", "--out", "run", "--cluster", cluster]) == 0
    assert "trial 4 of 4" in capsys.readouterr().out
    received = Study(table.parent / "run" / JOURNAL, NETWORK, 0, round_size=3).values
    problem = Problem.of(
        Options("t.csv", target="ill", epochs=2, quick=True).with_passed({"split": "random"})
    )
    alone = Study(table.parent / JOURNAL, NETWORK, 0, round_size=3)
    with evaluator(problem) as evaluate:
        assert len(list(alone.searched(4, 1, evaluate.scores))) == 4
    assert received == alone.values


@pytest.mark.parametrize("change", ["other", "absent"])
def test_a_worker_with_other_rows_is_refused(change: str, table: Path, cluster: str) -> None:
    problem = Problem.of(Options(str(table), target="ill", epochs=2, quick=True))
    if change == "other":
        table.write_text(table.read_text() + "0.1,0.2,no\n")
    else:
        table.unlink()
    with evaluator(problem, cluster=cluster) as evaluate, pytest.raises(UsageError, match="E615") as refused:
        list(evaluate.scores([NETWORK.defaults]))
    assert "t.csv" in str(refused.value)


@pytest.mark.long
def test_a_trial_is_scored_on_rows_that_trained_no_network_which_predicts_them(table: Path) -> None:
    """A row with another target changes its own part of the score of an ensemble, and no prediction of it."""
    problem = Problem.of(Options(str(table), target="ill", split="random").with_passed({"epochs": 2}))
    assert problem.prepared.parts.sizes[2] > 0
    plan = problem.plan(problem.space.defaults)
    model = problem.trained(problem.space.defaults)
    held_out = plan.held_out(model)
    rows, output = held_out.rows, held_out.output
    assert len(rows.y) == problem.prepared.parts.sizes[0]
    losses = -np.log(output[np.arange(len(rows.y)), rows.y])
    assert problem.score(problem.space.defaults) == pytest.approx(losses.mean(), rel=1e-5)
    assert problem.test_score(model) != pytest.approx(losses.mean(), rel=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("kind", [(), ("--quick",)], ids=["ensemble", "quick"])
def test_the_command_trains_the_best_trial_and_reports_the_overfit(
    kind: tuple[str, ...], table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tune", "t.csv", "--target", "ill", *kind, "--epochs", "3", "--trials", "5", "--out", "run"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "trial 5 of 5" in printed
    assert "Search overfit: " in printed
    best = re.search(r"^ +\d+ +[\d.]+ +(--.*?) *$", printed.partition("best of")[2], re.MULTILINE)
    assert best is not None
    config = tomllib.loads((table.parent / "run" / "config.toml").read_text())
    for name, value in zip(*[iter(shlex.split(best[1]))] * 2, strict=True):
        trained = config[name[2:].replace("-", "_")]
        assert value == (trained if isinstance(trained, str) else f"{trained:g}")
    assert main(words) == 2  # the folder is occupied
    assert main([*words, "--resume", "--seed", "1"]) == 2
    assert "E603" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0  # all is done: the numbers are printed again
    again = capsys.readouterr().out
    assert printed.splitlines()[-4:] == again.splitlines()[-4:]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--trials", "0"], "E102"),
        (["--workers", "0"], "E102"),
        (["--round-size", "0"], "E102"),
        (["--cluster", "scheduler:8786"], "E615"),
        (["--cluster", "tcp://127.0.0.1:1"], "E615"),
        (["--cluster", "tcp://scheduler"], "E615"),
        (["--sampler", "grid"], "E101"),
        (["--resume"], "E604"),
        (["--resume", "--out", "absent"], "E604"),
        (["--net", "8 relu"], "E601"),
        (["--units", "8"], "E601"),
    ],
)
def test_invalid_options_are_refused(
    words: list[str], code: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", "t.csv", "--target", "ill", *words]) == 2
    assert code in capsys.readouterr().err


STORAGES = {"sqlite": "sqlite:///{}/search.db", "journal": "{}/shared.journal"}


def search_in(storage: str, seconds: float = 0.0, trials: int = TRIALS, workers: int = 1) -> list[Any]:
    """Search in a shared storage; each trial takes some seconds."""

    def scores(proposals: Any) -> Any:
        for proposal in proposals:
            time.sleep(seconds)
            yield score(proposal)

    study = Study(Path("unused"), NETWORK, 0, storage=storage)
    for _ in study.searched(trials, workers, scores):
        pass
    return study.values


@pytest.mark.long
@pytest.mark.parametrize("kind", STORAGES)
def test_processes_that_share_a_storage_make_the_trials_of_one(
    kind: str, complete: Path, tmp_path: Path
) -> None:
    storage, expected = STORAGES[kind].format(tmp_path), Study(complete, NETWORK, 0).values
    Study(Path("unused"), NETWORK, 0, storage=storage)  # creates it
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(search_in, [storage] * 3, [0.01, 0.03, 0.0], [TRIALS] * 3, [1, 2, 1]))
    assert results == [expected] * 3
    assert search_in(storage) == expected  # nothing is left to do


def test_a_claim_of_a_process_that_was_killed_is_void_after_a_while(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_storage, "MIN_PATIENCE", 0.2)
    storage = STORAGES["journal"].format(tmp_path)
    killed = Study(Path("unused"), NETWORK, 0, storage=storage)
    searching = killed.searched(TRIALS, 2, lambda proposals: map(score, proposals))
    next(searching)  # one of two claims is not completed
    assert len(killed.trials) == 1
    assert search_in(storage) == Study(complete, NETWORK, 0).values


def test_fewer_trials_than_another_process_are_the_first_ones(complete: Path, tmp_path: Path) -> None:
    storage, expected = STORAGES["journal"].format(tmp_path), Study(complete, NETWORK, 0).values
    assert search_in(storage, trials=TRIALS)[:5] == search_in(storage, trials=5)[:5] == expected[:5]


@pytest.mark.parametrize(
    ("storage", "code"),
    [
        ("redis://ann:secret@127.0.0.1/0", "E101"),
        ("sqlite:////no/such/folder/search.db", "E614"),
        ("/no/such/folder/search.journal", "E614"),
        ("postgresql://ann:secret@127.0.0.1:9/search", "E614"),
        ("mysql+nodriver://ann:secret@127.0.0.1:9/search", "E614"),
    ],
)
def test_a_storage_that_cannot_be_used_is_refused_without_its_password(
    storage: str, code: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", "t.csv", "--target", "ill", "--quick", "--storage", storage]) == 2
    printed = capsys.readouterr()
    assert code in printed.err
    assert "secret" not in printed.err + printed.out
    assert not list(table.parent.glob("t*/config.toml"))


@pytest.mark.long
def test_a_second_run_finds_the_trials_of_the_first_in_the_storage(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tune", "t.csv", "--target", "ill", "--quick", "--epochs", "2", "--trials", "3"]
    words += ["--storage", "sqlite:///search.db", "--out"]
    assert main([*words, "first"]) == 0
    first = capsys.readouterr().out
    assert "trial 3 of 3" in first
    assert main([*words, "second"]) == 0
    second = capsys.readouterr().out
    assert "3 complete trials" in second
    assert "trial 1 of 3" not in second
    configs = [(table.parent / name / "config.toml").read_text() for name in ("first", "second")]
    assert configs[0] == configs[1]
    files = [
        path for name in ("first", "second") for path in (table.parent / name).rglob("*") if path.is_file()
    ]
    assert all(b"search.db" not in path.read_bytes() for path in files)
