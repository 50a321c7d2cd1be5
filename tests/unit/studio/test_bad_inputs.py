"""Bad inputs of the studio: each ends with a sentence, and nothing is lost."""

from __future__ import annotations

import resource
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.apps.cli.views.doctor import saved_diagnosis
from chainrule.errors import ChainruleError
from chainrule.studio.points import write_upload
from chainrule.studio.workbench import Workbench
from chainrule.tabular.remedies import with_commands


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.chdir(tmp_path)
    opened = Workbench("circle")
    yield opened
    opened.close()


def wait(bench: Workbench, is_done: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not is_done():
        assert time.monotonic() < end, bench.training and (bench.training.status, bench.training.error)
        time.sleep(0.02)


def status(bench: Workbench) -> str:
    return "" if bench.training is None else bench.training.status


def test_a_port_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        assert main(["studio", "circle", "--no-browser", "--port", port]) == 2
    printed = capsys.readouterr().err
    assert "E621" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("source", ["no-such.csv", "no-such-run/", "xorr"])
def test_data_that_do_not_exist(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["studio", source, "--no-browser", "--port", "0"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.long
def test_damaged_and_unfinished_runs(bench: Workbench) -> None:
    bench.change({"net": "2 tanh", "epochs": 4})
    bench.command({"until": None})
    wait(bench, lambda: status(bench) == "ended")
    uninterrupted = bench.training_record("en", {})["epochs"]["points"]
    bench.command({"new": True, "until": 9})
    wait(bench, lambda: status(bench) == "paused")
    assert bench.training is not None
    run, parameters = bench.training.run, bench.state_at(9).parameters
    bench.open(run)
    assert bench.project.trained is None
    opened = bench.training_record("en", {})
    assert {name: opened[name] for name in ("status", "step", "epoch", "run")} == {
        "status": "stopped",
        "step": 9,
        "epoch": 2,
        "run": run,
    }
    assert opened["frame"]["step"] == 9
    assert opened["epochs"]["points"] == uninterrupted[:2]
    assert all((bench.state_at(-1).parameters[path] == a).all() for path, a in parameters.items())
    assert bench.frame(5)["step"] == 5
    bench.command({"until": None})
    wait(bench, lambda: status(bench) == "ended")
    assert bench.training_record("en", {})["epochs"]["points"] == uninterrupted
    shutil.copytree(run, "damaged")
    model = Path("damaged/model.safetensors")
    model.write_bytes(model.read_bytes()[:-100])
    before = bench.project
    with pytest.raises(ChainruleError):
        bench.open("damaged")
    assert bench.project is before


def test_a_model_with_own_classes(bench: Workbench) -> None:
    class Doubled(cr.Layer):
        def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
            return x + x

    model = cr.Model(cr.Sequential(Doubled(), cr.Dense(2)), "cross_entropy")
    model.fit([[0.0, 1.0], [1.0, 0.0]], [0, 1], epochs=1, verbose=False)
    model.save("own.safetensors")
    before = bench.project
    with pytest.raises(ChainruleError, match="Doubled"):
        bench.open("own.safetensors")
    assert bench.project is before


@pytest.mark.long
def test_a_training_that_diverges_has_findings_or_an_error(bench: Workbench) -> None:
    bench.change({"net": "8 relu, 8 relu", "learning_rate": 1e6, "epochs": 20})
    bench.command({"until": None})
    wait(bench, lambda: status(bench) in ("ended", "failed", "stopped"))
    record = bench.training_record("en", {})
    texts = [notice["text"] for notice in record["notices"]] + [str((record["error"] or {}).get("error", ""))]
    assert any(texts)
    assert Path(record["run"], "config.toml").is_file()
    fixes = [notice for notice in record["notices"] if notice["fix"]]
    assert fixes
    printed = with_commands(saved_diagnosis(record["run"]), record["run"])  # by `chainrule doctor`
    commands = {f.rule.id: printed.remedies[f.key] for f in printed}
    assert all(notice["fix"] in commands[notice["rule"]] for notice in fixes), (fixes, commands)
    bench.apply_fix(fixes[0]["rule"], fixes[0]["column"])
    assert bench.project.options.learning_rate < 1


@pytest.fixture
def no_room() -> Iterator[None]:
    """Let files of this process have at most 1,000 bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_an_upload_and_leaves_no_part_of_it(bench: Workbench, no_room: None) -> None:
    with pytest.raises(ChainruleError):
        write_upload("large.csv", b"a,b\n" + b"1,2\n" * 1000)
    assert not list(Path("studio").glob("large*"))
    assert bench.project is not None


@pytest.mark.long
def test_a_full_disk_ends_a_training_with_a_sentence(bench: Workbench, no_room: None) -> None:
    bench.change({"net": "64 relu, 64 relu", "epochs": 1})
    bench.command({"until": None})
    wait(bench, lambda: status(bench) in ("ended", "failed"))
    assert status(bench) == "failed"
    error = bench.training_record("zh", {})["error"]
    assert error["error"]
    assert bench.project is not None
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # there is space again
    bench.command({"until": None})
    wait(bench, lambda: status(bench) in ("ended", "failed"))
    assert status(bench) == "ended"


@pytest.mark.long
def test_a_training_whose_process_is_killed_continues_with_its_curves(bench: Workbench) -> None:
    bench.change({"net": "2 tanh", "epochs": 4})
    bench.command({"until": None})
    wait(bench, lambda: status(bench) == "ended")
    assert bench.training is not None
    of_epochs, of_steps = bench.training.epochs.points, bench.training.losses.points
    bench.command({"new": True, "until": 9})
    wait(bench, lambda: status(bench) == "paused")
    assert bench.training.process is not None
    bench.training.process.kill()
    wait(bench, lambda: status(bench) == "failed")
    known = bench.training_record("en", {})
    assert known["error"]["exit"] == -9
    page = {f"{name}{part}": of for name in ("losses", "epochs") for part, of in (("", 99), ("_every", 1))}
    assert bench.training_record("en", page)["losses"]["points"] == known["losses"]["points"]
    bench.command({"until": None})
    wait(bench, lambda: status(bench) == "ended")
    assert bench.training.run == known["run"]
    assert (bench.training.epochs.points, bench.training.losses.points) == (of_epochs, of_steps)
