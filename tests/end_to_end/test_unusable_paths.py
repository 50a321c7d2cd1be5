"""Every path that a user can type is used or refused: one error with a code, no bug report, no waiting."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr

LONG = "x" * 300
ENDINGS = ("", ".csv", ".svg", ".json", ".npz", ".safetensors", ".pt")
PATHS = {
    "empty": "",
    "blank": " ",
    "a device": "/dev/null",
    "a full device": "/dev/full",
    "no device": "/proc/none",
    "below a device": "/dev/null/x.svg",
    "read-only": "/sys/x.svg",
    "memory": "/proc/self/mem",
    "very long": "a/" * 2100 + "x",
    "a file as a folder": "file/x.csv",
    "a file with a slash": "file/",
    "a link to itself": "loop",
    "below a link to itself": "loop/x",
    "a dangling link": "dangling",
    "a socket": "socket",
    "missing folder": "missing/x.svg",
    "not Unicode": "\udcff.csv",
    "home": "~nobody",
    "a line break": "new\nline",
    "descriptor": "/proc/self/fd/999",
    **{f"long{end}": LONG + end for end in ENDINGS},
    **{f"NUL{end}": f"a\0b{end}" for end in ENDINGS},
    **{f"pipe{end}": f"pipe{end}" for end in ENDINGS},
    **{f"folder{end}": f"folder{end}" for end in ENDINGS},
}


TEMPLATES = """
    train PATH --epochs 1 --net 2 --out new
    train iris --epochs 1 --net 2 --out PATH
    train iris --out PATH --resume
    check PATH
    predict PATH iris
    predict run PATH
    predict run iris --out PATH
    evaluate PATH iris
    evaluate run PATH
    explain PATH iris --row 1
    explain run PATH --row 1
    explain run iris --row 1 --html PATH
    explain PATH iris --step 1
    attribute PATH iris
    attribute run PATH
    attribute run iris --html PATH
    plot PATH weights
    plot run confusion_matrix PATH
    plot run weights --out PATH
    show PATH
    show PATH --plan
    show run --plan --out PATH
    show PATH --profile
    doctor PATH
    doctor run --html PATH
    generate PATH text
"""


def commands(path: str) -> Iterator[tuple[str, ...]]:
    """Every option and argument that is a path, in a command that is fast if the path is refused."""
    for line in TEMPLATES.strip().splitlines():
        yield tuple(path if word == "PATH" else word for word in line.split())


@pytest.fixture
def places(run: Path) -> Iterator[None]:
    """A folder with every kind of file that is no regular one; a command that waits is terminated."""
    Path("file").write_text("x")
    os.symlink("loop", "loop")
    os.symlink("nowhere", "dangling")
    for end in ENDINGS:
        os.mkfifo(f"pipe{end}")
        Path(f"folder{end}").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")

        def too_long(*_: Any) -> None:
            raise TimeoutError("the command waits")

        before = signal.signal(signal.SIGALRM, too_long)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", PATHS)
def test_a_path_is_used_or_refused_by_every_command(chainrule, places, name: str) -> None:
    assert len(list(commands(PATHS[name]))) > 10
    for words in commands(PATHS[name]):
        signal.alarm(60)
        outcome = chainrule(*words)
        shutil.rmtree("new", ignore_errors=True)
        assert outcome.code in (0, 1, 2), words
        assert "a bug in chainrule" not in outcome.err, (words, outcome.err[-300:])
        codes = re.findall(r"^\w+Error (E\d{3})", outcome.err, re.MULTILINE)
        assert len(codes) == (outcome.code != 0), (words, outcome.err[-300:])


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "run", "iris", "--row", "1", "--html"),
        ("attribute", "run", "iris", "--html"),
        ("attack", "run", "iris", "--radius", "0.1", "--html"),
        ("attack", "run", "iris", "--radius", "0.1", "--out"),
        ("audit", "run", "--html"),
        ("doctor", "run", "--html"),
        ("drift", "run", "iris", "--html"),
        ("labels", "run", "iris", "--out"),
        ("plot", "run", "weights", "--out"),
        ("predict", "run", "iris", "--out"),
        ("show", "run", "--plan", "--out"),
        ("verify", "net.onnx", "property.vnnlib", "--out"),
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    chainrule, places, monkeypatch, words: tuple[str, ...]
) -> None:
    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("a model or a table was read")

    monkeypatch.setattr(cr.Model, "load", work)
    monkeypatch.setattr(cr.data.Preparation, "read", work)
    for path in ("missing/x.svg", "/sys/x.svg", "file/x.svg", LONG):
        outcome = chainrule(*words, path)
        assert outcome.code == 2
        assert re.search(r"FileError E40[2-9]", outcome.err), outcome.err
    assert not list(Path().glob(".chainrule-*"))


@pytest.mark.parametrize("call", [cr.load, cr.data.read_table, cr.data.map_array, cr.data.read_images])
@pytest.mark.parametrize(
    "name", ["long.npz", "a link to itself", "pipe.npz", "pipe.csv", "very long", "NUL.npz"]
)
def test_python_functions_refuse_the_same_paths(places, call: Any, name: str) -> None:
    signal.alarm(30)
    with pytest.raises(cr.errors.ChainruleError):
        call(PATHS[name])


def test_a_file_name_that_is_too_long_is_refused(chainrule) -> None:
    outcome = chainrule("train", "iris", "--epochs", 1, "--net", "2", "--out", LONG)
    assert outcome.code == 2
    assert "E409" in outcome.err
    assert "names of at most 255 bytes" in outcome.err
    outcome = chainrule("check", f"{LONG}.csv")
    assert "E301" in outcome.err
    assert "file name too long" in outcome.err


def test_an_unexpected_system_error_is_reported_with_its_path(chainrule, run, monkeypatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr(cr.data.Preparation, "read", refuse)
    outcome = chainrule("predict", "run", "iris")
    assert outcome.code == 2
    assert "E403" in outcome.err
    assert "secret.csv" in outcome.err
