"""Every command refuses an output that it cannot write, or must not overwrite, before it reads an input."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from chainrule.apps.cli.commands.example import EXAMPLES, example_module
from chainrule.apps.cli.main import COMMANDS
from chainrule.apps.cli.output_file import OutputFile


def options_of(command: str) -> Iterator[tuple[str, bool]]:
    """The options of a command that name an output, and whether it is a single file."""
    function = getattr(import_module(f"chainrule.apps.cli.commands.{command}"), command)
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        metadata = getattr(parameter.annotation, "__metadata__", ())
        if any(isinstance(part, OutputFile) for part in metadata):
            yield name, True
        elif name in ("out", "html"):
            yield name, False


OUTPUTS = [(command, name, is_file) for command in COMMANDS for name, is_file in options_of(command)]
FILES = [(command, name) for command, name, is_file in OUTPUTS if is_file]
RUNS = [(command,) for command, _, is_file in OUTPUTS if not is_file] + [
    ("example", name) for name in EXAMPLES if "out" in inspect.signature(example_module(name).main).parameters
]
ARGUMENTS = {
    "verify": ("no.onnx", "no.vnnlib"),
    "doctor": ("no-run",),
    "show": ("net", "4 tanh"),
    "plot": ("no-run", "weights"),
    "export": ("no-run",),
    "learn": ("3",),
}
"""Arguments of the commands that do not take RUN and DATA; nothing that they name exists."""


def test_the_table_of_outputs_is_complete() -> None:
    assert {"predict", "attribute", "explain", "plot", "drift", "attack", "audit"} <= {c for c, _ in FILES}
    assert {("train",), ("tune",), ("example", "risk"), ("example", "poems")} <= set(RUNS)


@pytest.mark.parametrize(("command", "option"), FILES)
def test_a_file_that_cannot_be_written_is_refused_first(
    chainrule: Callable, command: str, option: str
) -> None:
    Path("folder").mkdir()
    name = "folder" if (command, option) != ("predict", "out") else "nowhere/file.csv"
    outcome = chainrule(command, *ARGUMENTS.get(command, ("no-run", "no.csv")), f"--{option}", name)
    assert outcome.code == 2
    assert "E402" in outcome.err or "E407" in outcome.err, outcome.err  # not the missing input
    assert f"--{option} folder/" in outcome.err or name != "folder", outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize(("command", "option"), [pair for pair in FILES if pair[0] != "learn"])
def test_an_input_is_not_overwritten(chainrule: Callable, command: str, option: str) -> None:
    words = list(ARGUMENTS.get(command, ("no-run", "no.csv")))
    words[-1] = "input.csv"
    Path("input.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    Path("link.csv").hardlink_to("input.csv")
    for output in ("input.csv", "./input.csv", "link.csv"):
        outcome = chainrule(command, *words, f"--{option}", output)
        assert (outcome.code, "E609" in outcome.err) == (2, True), outcome.err
    assert Path("input.csv").read_text(encoding="utf-8") == "a,b\n1,2\n"


@pytest.mark.parametrize(("command", "option"), FILES)
@pytest.mark.parametrize("name", ["model.safetensors", "config.toml", "report.html"])
def test_a_file_of_a_training_is_not_overwritten(
    chainrule: Callable, run: Path, command: str, option: str, name: str
) -> None:
    before = (run / name).read_bytes()
    outcome = chainrule(command, *ARGUMENTS.get(command, ("no-run", "no.csv")), f"--{option}", run / name)
    assert (outcome.code, "E609" in outcome.err) == (2, True), outcome.err
    assert (run / name).read_bytes() == before


def test_two_outputs_of_a_command_are_two_files(chainrule: Callable) -> None:
    outcome = chainrule("drift", "no-run", "no.csv", "--html", "out.x", "--out", "out.x")
    assert (outcome.code, "E609" in outcome.err) == (2, True), outcome.err


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {f.name: (f.read_bytes(), f.stat().st_mtime_ns) for f in folder.iterdir() if f.suffix}


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_run_is_refused_before_an_input_is_read(
    chainrule: Callable, run: Path, words: tuple[str, ...]
) -> None:
    before = contents(run)
    data = () if words[0] == "example" else ("no.csv",)
    outcome = chainrule(*words, *data, "--out", run)
    assert (outcome.code, outcome.out) == (2, "")
    assert "E602" in outcome.err, outcome.err
    assert "--out run-2" in outcome.err
    assert contents(run) == before


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
@pytest.mark.parametrize("place", ["file.txt", "file.txt/run", "/proc/run"])
def test_a_run_that_cannot_be_a_folder_is_refused_first(
    chainrule: Callable, words: tuple[str, ...], place: str
) -> None:
    Path("file.txt").write_text("mine", encoding="utf-8")
    data = () if words[0] == "example" else ("no.csv",)
    outcome = chainrule(*words, *data, "--out", place)
    assert (outcome.code, outcome.out) == (2, "")
    assert "no.csv" not in outcome.err, outcome.err
    assert [path.name for path in Path().iterdir()] == ["file.txt"]


def test_a_page_of_an_example_is_tried_first(chainrule: Callable) -> None:
    outcome = chainrule("example", "article", "--html", "nowhere/page.html")
    assert (outcome.code, "E407" in outcome.err, outcome.out) == (2, True, "")
