"""Bad input: one error with what, where and how to fix it; no traceback, no file overwritten."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.store import RunFolder
from chainrule.tabular import training_plan as table_of_options

GOOD = "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40))


def refused(outcome, code: str, *texts: str, exit_code: int = 2) -> None:
    """Fail unless the outcome is one error of this code that contains some texts."""
    assert outcome.code == exit_code, outcome
    assert "Traceback" not in outcome.out + outcome.err
    assert re.findall(r"^\w+Error (E\d{3})", outcome.err, re.MULTILINE) == [code], outcome.err
    for text in texts:
        assert text in outcome.err, outcome.err


TABLES = {
    "unknown target": ("x,z,clss\n" + GOOD, "class", "E313", ('"class"', "fix       --target clss")),
    "empty file": ("", "class", "E303", ()),
    "header only": ("x,z,class\n", "class", "E304", ()),
    "one row": ("x,z,class\n1,2,a\n", "class", "E321", ("fix       add rows with other values",)),
    "one value": ("x,z,class\n" + re.sub("[ab]", "4.5", GOOD), "class", "E323", ("fix       --target z\n",)),
    "one class": (
        "x,z,class\n" + GOOD.replace("b", "a"),
        "class",
        "E321",
        ('"a" in all 40 rows', "fix       --target z\n"),
    ),
    "ragged row": ("x,z,class\n" + GOOD + "1,2\n", "class", "E306", ("line 42",)),
    "text among numbers": ("x,z,class\n" + GOOD + "1,two,a\n", "class", "E311", ("line 42", '"z"', '"two"')),
    "target all missing": ("x,z,class\n" + re.sub("[ab]", "", GOOD), "class", "E320", ()),
    "no column to use": ("x,class\n" + "".join(f",{'ab'[i % 2]}\n" for i in range(9)), "class", "E325", ()),
    "duplicate header": ("x,x,class\n" + GOOD, "class", "E305", ('"x"',)),
    "an infinity": ("x,z,class\n" + GOOD + "inf,2,a\n", "class", "E312", ("line 42",)),
    "an unclosed quote": ('x,z,class\n"' + GOOD, "class", "E309", ()),
    "too few rows to split": ("x,class\n1,a\n2,a\n3,b\n4,b\n", "class", "E331", ()),
    "no target named": ("x,z,class\n" + GOOD, None, "E319", ("--target class",)),
}


@pytest.mark.parametrize("fault", TABLES)
def test_a_faulty_table_is_refused(chainrule, fault: str) -> None:
    text, target, code, texts = TABLES[fault]
    Path("table.csv").write_text(text)
    refused(chainrule("train", "table.csv", *(["--target", target] if target else [])), code, *texts)
    assert [f.name for f in Path().iterdir()] == ["table.csv"]


@pytest.mark.long
def test_a_class_with_one_row_is_left_out_with_a_warning(chainrule) -> None:
    Path("table.csv").write_text("x,z,class\n" + GOOD + "9,9,c\n", encoding="utf-8")
    outcome = chainrule("train", "table.csv", "--target", "class", "--epochs", 1, "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "classes with a single row are left out: c" in outcome.out


WORDS = {
    "a typo in the layers": (["iris", "--net", "64 rleu"], "E101", ('"64 relu"',)),
    "an empty layer": (["iris", "--net", "64 relu,,"], "E117", ()),
    "an unknown set": (["irsi"], "E302", ("fix       iris",)),
    "a missing file": (["nowhere.csv"], "E301", ()),
    "an unknown option": (["iris", "--epohcs", "3"], "E601", ("fix       --epochs",)),
    "an option without a value": (["iris", "--epochs"], "E601", ("--epochs",)),
    "a number that is none": (["iris", "--epochs", "many"], "E601", ("--epochs",)),
    "no data": ([], "E601", ("DATA",)),
    "no epochs": (["iris", "--epochs", "0"], "E102", ("--epochs",)),
    "a negative rate": (["iris", "--learning-rate", "-1"], "E102", ("--learning-rate",)),
    "an infinite rate": (["iris", "--learning-rate", "inf"], "E102", ("--learning-rate",)),
    "an unknown optimizer": (["iris", "--optimizer", "adm"], "E101", ("--optimizer adam",)),
    "an unknown engine": (
        ["iris", "--engine", "refrence"],
        "E101",
        ("in --engine", "fix       --engine reference"),
    ),
    "an unknown task": (["iris", "--task", "clasification"], "E101", ("--task classification",)),
    "an unknown language": (["iris", "--lang", "fr"], "E101", ("in --lang", "en, zh", "--lang en")),
    "class weights for values": (["diabetes", "--class-weight", "balanced"], "E108", ()),
    "a column in two ways": (["iris", "--drop", "a", "--number", "a"], "E608", ("a",)),
    "an unknown column to drop": (
        ["iris", "--drop", "petal lenght (cm)"],
        "E313",
        ("fix       --drop 'petal length (cm)'",),
    ),
    "resume nowhere": (["iris", "--resume"], "E604", ("--out",)),
    "resume nothing": (["iris", "--resume", "--out", "none"], "E401", ()),
}


@pytest.mark.parametrize("fault", WORDS)
def test_a_faulty_option_is_refused(chainrule, fault: str) -> None:
    words, code, texts = WORDS[fault]
    refused(chainrule("train", *words), code, *texts)
    assert not list(Path().iterdir())


def test_an_unknown_command_is_refused_with_the_nearest(chainrule) -> None:
    refused(chainrule("trian", "iris"), "E101", "fix       chainrule train")


def test_errors_are_chinese_with_lang_zh(chainrule) -> None:
    outcome = chainrule("train", "iris", "--target", "specis", "--lang", "zh")
    assert outcome.code == 2
    assert "没有名为“specis”的列" in outcome.err


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder except the lock."""
    return {
        str(f): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file() and ".lock" not in f.name
    }


def test_a_run_is_not_overwritten(chainrule, run: Path) -> None:
    before = contents(run)
    refused(chainrule("train", "iris", "--out", run), "E602", "--out run-2")
    Path("data.csv").write_text("a,b\n1,2\n")
    assert contents(run) == before


def test_a_damaged_model_is_refused_by_every_command(chainrule, run: Path) -> None:
    file = run / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    for command in (
        ("predict", run, "iris"),
        ("evaluate", run, "iris"),
        ("explain", run, "iris", "--row", 1),
        ("show", run),
    ):
        refused(chainrule(*command), "E420")


def test_a_file_that_is_no_model_is_refused(chainrule) -> None:
    Path("foreign.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    refused(chainrule("predict", "foreign.safetensors", "iris"), "E421")
    refused(chainrule("show", "nothing-here"), "E401")
    Path("empty").mkdir()
    refused(chainrule("predict", "empty", "iris"), "E610")


def test_a_model_of_arrays_is_refused_for_a_table(chainrule) -> None:
    model = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
    model.fit(np.eye(4), np.arange(4.0), epochs=1, verbose=False)
    model.save("arrays.safetensors")
    refused(chainrule("predict", "arrays.safetensors", "iris"), "E607")
    Path("rows.csv").write_text("x\n1\n", encoding="utf-8")
    outcome = chainrule("predict", "arrays.safetensors", "rows.csv")
    texts = ("in rows.csv: DATA is not what", "expected  an .npz file with x\n", "received  .csv\n")
    refused(outcome, "E607", *texts, 'np.savez("rows.npz", x=x)')
    refused(chainrule("predict", "arrays.safetensors", "missing.csv"), "E301")


def test_unsuitable_rows_and_unknown_names_are_refused(chainrule, run: Path) -> None:
    refused(chainrule("predict", run, "wine"), "E326", "sepal length (cm)")
    refused(chainrule("explain", run, "iris", "--row", 0), "E606", "1 to 150")
    refused(chainrule("explain", run, "iris", "--row", 1, "--depth", 4), "E102")
    refused(chainrule("show", "op", "sigmoidd"), "E101", "show op sigmoid")
    refused(chainrule("show", "opp", "sigmoid"), "E101", "show op sigmoid")
    refused(chainrule("example", "moon"), "E101", "example moons")


def test_predictions_do_not_overwrite_their_table(chainrule, run: Path) -> None:
    row = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5,3,1,0.2\n5,3,1,0.3\n"
    Path("rows.csv").write_text(row)
    refused(chainrule("predict", run, "rows.csv", "--out", "rows.csv"), "E609")
    assert Path("rows.csv").read_text() == row
    refused(chainrule("predict", run, "rows.csv", "--out", run / "model.safetensors"), "E609")


def test_a_second_training_in_a_run_is_refused(chainrule, run: Path) -> None:
    before = contents(run)
    with RunFolder.open(run).claim():
        refused(chainrule("train", "iris", "--out", run), "E430", f"process {os.getpid()}")
        refused(chainrule("train", "iris", "--out", run, "--resume"), "E430")
    assert contents(run) == before


def test_resume_with_other_options_is_refused(chainrule, run: Path) -> None:
    words = ("--epochs", 9, "--net", "9 relu")
    refused(
        chainrule("train", "iris", "--out", run, "--resume", *words),
        "E603",
        "epochs: 3, now 9",
        "net: '4 tanh'",
    )


@pytest.mark.parametrize(
    "text", ["epochs = ", 'data = "iris"\n', "strange = 1\n", "\0", "epochs = [1]\n", "[data]\n"]
)
def test_an_invalid_config_is_refused(chainrule, run: Path, text: str) -> None:
    config = run / "config.toml"
    config.write_text(text)
    refused(chainrule("train", "iris", "--out", run, "--resume"), "E605", "config.toml")


def test_resume_with_other_data_is_refused(chainrule, run: Path) -> None:
    (run / "report.html").unlink()
    outcome = chainrule("train", "iris", "--out", run, "--resume")
    assert outcome.code == 0, outcome.err
    (run / "report.html").unlink()
    refused(chainrule("train", "wine", "--out", run, "--resume"), "E603", "other rows in wine")
    assert "iris" in chainrule("show", run).out


FULL = """
import resource, signal, sys
sys.dont_write_bytecode = True  # a truncated bytecode file would be used
from chainrule.apps.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
sys.exit(main(["train", "iris", "--epochs", "2", "--out", "big"]))
"""


@pytest.mark.long
def test_a_full_disk_is_reported(chainrule) -> None:
    """A limit of the size of files simulates the full disk."""
    ended = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert re.findall(r"^FileError (E\d+)", ended.stderr, re.MULTILINE) == ["E408"], ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("big/model.safetensors").exists()


def test_a_loss_that_is_not_finite_is_reported(chainrule) -> None:
    refused(
        chainrule("train", "diabetes", "--optimizer", "sgd", "--learning-rate", 1e30), "E501", exit_code=1
    )


def test_an_unexpected_exception_is_reported_in_one_line(chainrule, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a \x1b[31mfault")

    monkeypatch.setattr(table_of_options, "read_source", broken)
    outcome = chainrule("train", "iris")
    assert outcome.code == 1
    assert outcome.err.splitlines() == [
        "unexpected RuntimeError: a \\x1b[31mfault (a bug in chainrule; --debug shows the traceback)"
    ]
    assert "Traceback" in chainrule("train", "iris", "--debug").err


PANIC = 'called `Result::unwrap()` on an `Err` value: Os { message: "Resource temporarily unavailable" }'
REFUSED = {
    "memory": MemoryError(),
    "an array": MemoryError("Unable to allocate 8.00 GiB for an array"),
    "a thread": RuntimeError("can't start new thread"),
    "a process": OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)),
    "a library": ImportError("lib.so: failed to map segment from shared object"),
    "a thread of polars": pl.exceptions.PanicException(PANIC),
}


@pytest.mark.parametrize("case", REFUSED)
def test_memory_and_threads_that_the_system_refuses_are_no_bug(
    chainrule, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    def broken(*_: object) -> None:
        raise REFUSED[case]

    monkeypatch.setattr(table_of_options, "read_source", broken)
    refused(chainrule("train", "iris"), "E508", exit_code=1)


def test_a_panic_of_polars_is_reported_in_one_line(chainrule, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise pl.exceptions.PanicException("index out of bounds")

    monkeypatch.setattr(table_of_options, "read_source", broken)
    outcome = chainrule("train", "iris")
    assert outcome.code == 1
    assert outcome.err.startswith("unexpected PanicException: index out of bounds (a bug in chainrule")
    assert len(outcome.err.splitlines()) == 1


STREAMS = {
    "a full disk": ("chainrule show layers > /dev/full", 1, "E412"),
    "a full disk for errors too": ("chainrule show layers > /dev/full 2> /dev/full", 1, ""),
    "full errors": ("chainrule check missing.csv 2> /dev/full", 2, ""),
    "closed": ("chainrule show losses >&- 2>&- <&-", 0, ""),
    "a reader that ends": ("chainrule show layers | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}", None, ""),
}


@pytest.mark.long
@pytest.mark.parametrize("case", STREAMS)
def test_streams_that_cannot_be_written_are_no_bug(case: str, tmp_path: Path) -> None:
    command, code, error = STREAMS[case]
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert code is None or done.returncode == code, done.stderr
    assert re.findall(r"E\d{3}", done.stderr)[:1] == ([error] if error else [])
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


SMALL_FILES = FULL.replace("9000, 9000", "200, 200")  # bytes: enough for the lock, not for config.toml


@pytest.mark.long
def test_a_disk_that_is_full_at_once_is_no_deleted_folder(chainrule) -> None:
    ended = subprocess.run([sys.executable, "-c", SMALL_FILES], capture_output=True, text=True, check=False)
    assert re.findall(r"^FileError (E\d+)", ended.stderr, re.MULTILINE) == ["E408"], ended.stderr
    assert not Path("big").exists(), "the folder of a training without a step is removed"
