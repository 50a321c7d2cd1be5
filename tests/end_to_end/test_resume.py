"""A resumed training, after an interrupt or a kill, ends with the bytes of an uninterrupted one."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chainrule.settings import settings

FILES = ("model.safetensors", "history.csv", "config.toml", "model-card.md", "doctor.json", "report.html")
PROGRAM = """
import sys
from chainrule.apps.cli.main import main
from chainrule.settings import settings
settings.vector_bytes, settings.cores = {vector_bytes}, {cores}
sys.exit(main())
"""  # in another process, for the same target
DATA = "breast-cancer"
WORDS = ("train", DATA, "--epochs", "3000", "--patience", "3000", "--net", "32 relu, dropout 0.3")
CAMPAIGNS = Path(__file__).parents[2] / "campaigns"


def command() -> list[str]:
    """The command line of the training."""
    program = PROGRAM.format(vector_bytes=settings.vector_bytes, cores=settings.cores)
    return [sys.executable, "-c", program, *WORDS, "--out", "run"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the training without interruption."""
    place = tmp_path_factory.mktemp("uninterrupted")
    subprocess.run(command(), cwd=place, check=True)
    return files(place / "run")


def files(run: Path) -> dict[str, bytes]:
    """The files of a complete run, with its only checkpoint."""
    (checkpoint,) = (run / "checkpoints").iterdir()
    names = (*FILES, f"checkpoints/{checkpoint.name}")
    return {name: (run / name).read_bytes() for name in names}


def begin(place: Path) -> subprocess.Popen:
    """Start the training and wait until it has written its first checkpoint."""
    process = subprocess.Popen(
        command(), cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(place.glob("run/checkpoints/step-*.safetensors")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return process


@pytest.mark.long
@pytest.mark.parametrize(
    (
        "number",
        "seconds",
    ),  # 0: right after the first checkpoint, before the first step; the training takes 3 s
    [(signal.SIGTERM, 0.0), (signal.SIGINT, 0.8), (signal.SIGTERM, 0.8), (signal.SIGKILL, 0.8)],
)
def test_a_resumed_training_has_the_same_bytes(
    chainrule, uninterrupted: dict[str, bytes], number: int, seconds: float, tmp_path: Path
) -> None:
    process = begin(tmp_path)
    time.sleep(seconds)
    os.kill(process.pid, number)
    _, err = process.communicate()
    assert not Path("run/model.safetensors").exists()
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 1
        assert re.search(rf"To continue:\n  chainrule train {DATA} --out run --resume", err)
        assert seconds == 0 or any(int(f.stem[5:]) > 0 for f in Path("run/checkpoints").iterdir())
    outcome = chainrule("train", DATA, "--out", "run", "--resume")
    assert outcome.code == 0, outcome.err
    assert files(Path("run")) == uninterrupted


def test_resume_of_a_finished_training_changes_nothing(chainrule, run: Path) -> None:
    before = {name: (run / name).stat().st_mtime_ns for name in FILES}
    outcome = chainrule("train", "iris", "--out", run, "--resume", "--epochs", 3)
    assert (outcome.code, outcome.err) == (0, "")
    assert "complete" in outcome.out
    assert {name: (run / name).stat().st_mtime_ns for name in FILES} == before


@pytest.mark.long
def test_trainings_killed_at_random_instants_resume() -> None:
    """The short form of ``campaigns/kill_resume.py``."""
    script = CAMPAIGNS / "kill_resume.py"
    ended = subprocess.run(
        [sys.executable, script, "--count", "3"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 of 3" in ended.stdout


@pytest.mark.long
def test_fuzzed_tables_are_read_or_refused() -> None:
    """The short form of ``campaigns/fuzz_csv.py``."""
    script = CAMPAIGNS / "fuzz_csv.py"
    ended = subprocess.run(
        [sys.executable, script, "--count", "15"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "15 tables" in ended.stdout


@pytest.mark.long
def test_more_epochs_have_the_bytes_of_a_training_with_as_many_from_the_start(chainrule) -> None:
    for patience in (0, 2):
        words = ("train", "iris", "--net", "4 tanh, dropout 0.2", "--patience", patience)
        assert chainrule(*words, "--epochs", 6, "--out", f"whole-{patience}").code == 0
        assert chainrule(*words, "--epochs", 2, "--out", f"more-{patience}").code == 0
        outcome = chainrule("resume", f"more-{patience}", "--epochs", 6)
        assert outcome.code == 0, outcome.err
        assert "Resuming after step 6" in outcome.out
        assert files(Path(f"more-{patience}")) == files(Path(f"whole-{patience}"))


def test_a_complete_training_is_not_resumed(chainrule, run: Path) -> None:
    before = {name: (run / name).read_bytes() for name in FILES}
    for words in (
        ("resume", run),
        ("resume", run, "--epochs", 3),
        ("train", "iris", "--out", run, "--resume"),
    ):
        outcome = chainrule(*words)
        assert outcome.code == 0
        assert "is complete. To continue with more epochs" in outcome.out
    assert "已经完成" in chainrule("resume", run, "--lang", "zh").out
    assert {name: (run / name).read_bytes() for name in FILES} == before


def test_a_training_that_stopped_early_does_not_continue(chainrule) -> None:
    words = ("train", "iris", "--net", "4 tanh", "--patience", 1, "--learning-rate", 5.0, "--out", "run")
    assert chainrule(*words, "--epochs", 50).code == 0
    config = Path("run/config.toml").read_bytes()
    outcome = chainrule("resume", "run", "--epochs", 60)
    assert outcome.code == 0
    assert outcome.out.startswith("Early stopping ended the training in run after epoch ")
    assert Path("run/config.toml").read_bytes() == config
    (command,) = re.findall(r"(?m)^  chainrule (train .*)$", outcome.out)
    longer = chainrule(*shlex.split(command), "--out", "longer")
    assert longer.code == 0, longer.err
    assert "Completed all 60 epochs.\n" in longer.out, "nothing was restored"


@pytest.mark.long
def test_a_schedule_that_depends_on_the_epochs_names_the_command_for_more(chainrule) -> None:
    assert chainrule("train", "iris", "--epochs", 2, "--out", "run").code == 0
    outcome = chainrule("resume", "run", "--epochs", 3)
    assert (outcome.code, outcome.out) == (2, "Resuming after step 6, in epoch 3.\n"), "no tables once more"
    assert "E505" in outcome.err
    assert "chainrule train iris --epochs 3" in outcome.err


def test_epochs_that_cannot_be_resumed_are_refused(chainrule, run: Path) -> None:
    outcome = chainrule("resume", run, "--epochs", 2)
    assert outcome.code == 2
    assert "E102" in outcome.err
    assert ">= 3" in outcome.err
    outcome = chainrule("train", "iris", "--out", run, "--resume", "--epochs", 9)
    assert "chainrule resume run --epochs 9" in outcome.err
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    outcome = chainrule("resume", run, "--epochs", 9)
    assert "E604" in outcome.err
    assert "chainrule train iris --epochs 9" in outcome.err
    assert "E401" in chainrule("resume", "nowhere").err


def test_a_link_as_report_is_refused_and_its_target_is_not_changed(chainrule, run: Path) -> None:
    outside = Path("outside.html")
    outside.write_text("precious")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to(outside.absolute())
    config = (run / "config.toml").read_bytes()
    assert "E434" in chainrule("resume", run, "--epochs", 4).err
    assert outside.read_text() == "precious"
    assert (run / "config.toml").read_bytes() == config


def test_a_run_continues_on_another_engine(chainrule) -> None:
    words = ("train", "iris", "--net", "4 tanh", "--learning-rate", 0.05, "--epochs", 2, "--out", "run")
    assert chainrule(*words).code == 0
    for words, count in (
        (("resume", "run", "--epochs", 3), 1),
        (("train", "iris", "--out", "run", "--resume"), 0),
    ):
        outcome = chainrule(*words, "--engine", "reference")
        assert outcome.code == 0, outcome.err
        text = "the first 6 steps were computed by the engine native; further ones"
        assert outcome.out.count(text) + outcome.err.count(text) == count
        assert 'engine = "reference"' in Path("run/config.toml").read_text()
    outcome = chainrule("explain", "run", "iris", "--step", 2)
    assert (outcome.code, "computed by another engine: native" in outcome.err) == (2, True)
