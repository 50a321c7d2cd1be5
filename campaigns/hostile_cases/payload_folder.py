"""A folder with hostile texts, and commands of chainrule run in it, on a terminal or into a pipe."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from chainrule.apps.cli.main import main
from chainrule.escaping import spreadsheet_text
from chainrule.model import Model
from chainrule.plotting.registry import PLOTS
from chainrule.store import container

KEPT = ("rule", "id", "code", "kind", "version")  # keys of notes that identify their content
PLOTS_WITHOUT_ROWS = ("attention", "filters", "landscape", "embedding", "maps", "sample")  # for other models


class Terminal(io.StringIO):
    """A stream that reports to be a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Printed:
    """The output of a command."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str


def run_command(*words: object, is_terminal: bool = True) -> Printed:
    """Run a command in this process; exceptions that leave ``main`` are passed on."""
    kind = Terminal if is_terminal else io.StringIO
    out, err = kind(), kind()
    texts = tuple(map(str, words))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(texts))
    return Printed(texts, code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[Path]:
    """Work in a folder, on a terminal without colors: the output has no escape sequences of chainrule."""
    before, environment = Path.cwd(), {name: os.environ.get(name) for name in ("TERM", "COLUMNS")}
    os.environ.update(TERM="dumb", COLUMNS="120")
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)
        for name, value in environment.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def write_table(path: Path, texts: Mapping[str, str], seed: int) -> None:
    """Write a table with each text as a column's name, as a cell of every column and as a label.

    Args:
        path: the CSV file.
        texts: the payloads by name.
        seed: mixes the cells.
    """
    draw, names = random.Random(seed), list(texts.values())
    labels = names if len(names) > 1 else [*names, "other"]
    with path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.writer(file)
        # readers strip names, so names that differ only in blanks would be equal
        writer.writerow([*(f"{name} {i}" for i, name in enumerate(names)), "number", "label"])
        for i in range(max(40, 8 * len(labels))):
            cells = [draw.choice([*names, "plain", "usual"]) for _ in names]
            writer.writerow([*cells, draw.randint(0, 99), labels[i % len(labels)]])


def commands_of_run(run: str, data: str, text: str, column: str) -> list[tuple[str, ...]]:
    """Every command that reads a training, its file and its table.

    Args:
        run: the RUN folder.
        data: the table it was trained on.
        text: a payload that is one of the labels.
        column: the name of a column that contains a payload.
    """
    row, once = ("--row", "1"), ("--max-changes", "1")
    plots = [
        ("plot", run, kind.replace("_", "-"), *([data] if PLOTS[kind].needs else []))
        for kind in PLOTS
        if kind not in PLOTS_WITHOUT_ROWS
    ]
    return [
        ("predict", run, data),
        ("predict", run, data, "--proba"),
        ("predict", run, data, "--out", "p.csv"),
        ("evaluate", run, data),
        ("explain", run, data, *row, "--depth", "1"),
        ("explain", run, data, *row, "--html", "explain.html"),
        ("explain", run, data, "--step", "1"),
        ("explain", run, data, *row, "--weight", "dense1.weight[0,1]"),
        ("explain", run, data, *row, "--set", "dense1.weight[0,1]=0.5", "--html", "set.html"),
        ("attribute", run, data, *row),
        ("attribute", run, data, *row, "--html", "attribute.html"),
        ("attribute", run, data, *row, "--target", text, "--method", "saliency"),
        ("attribute", run, data, "--importance", "--repeats", "1", "--html", "importance.html"),
        ("attribute", run, data, "--importance", "--repeats", "1"),
        ("attribute", run, data, "--counterfactual", text, *once),
        ("attribute", run, data, "--counterfactual", "*", "--fixed", column, *once, "--html", "c.html"),
        ("show", run),
        ("show", run, "--plan", "--out", "plan.json"),
        ("doctor", run),
        ("show", run, "--profile", "--out", "profile.svg"),
        ("doctor", run, "--html", "doctor.html"),
        *plots,
        *((*words, "--out", f"{words[2]}.svg") for words in plots),
    ]


def commands_of_text(run: str, data: str, text: str) -> list[tuple[str, ...]]:
    """Commands with a payload in place of a name, a path or an expression.

    Args:
        run, data: a RUN and its table.
        text: the payload.
    """
    train, row = ("train", data, "--target", "label", "--epochs", "1"), ("--row", "1")
    options = (
        "net",
        "optimizer",
        "class-weight",
        "engine",
        "task",
        "metric",
        "augment",
        "drop",
        "category",
        "number",
        "learning_rate",
        "epochs",
        "damaged",
    )
    return [
        (text,),
        ("train", text),
        ("check", data, "--target", text),
        ("check", data, "--net", text),
        ("check", data, "--drop", text, "--category", text),
        ("predict", run, text),
        ("predict", text, data),
        ("evaluate", run, data, "--metric", text),
        ("explain", run, data, *row, "--weight", text),
        ("explain", run, data, *row, "--set", f"{text}=1"),
        ("explain", run, data, "--row", text),
        ("attribute", run, data, *row, "--method", text),
        ("attribute", run, data, *row, "--target", text),
        ("attribute", run, data, "--importance", "--metric", text),
        ("attribute", run, "--text", text),
        ("attribute", run, data, "--counterfactual", text, "--fixed", text),
        ("generate", run, text),
        ("plot", run, text),
        ("plot", run, "weights", "--of", text),
        ("plot", run, "boundary", data, "--of", text),
        ("plot", run, "confusion_matrix", data, "--out", text),
        ("show", text),
        ("show", "net", text),
        ("show", "layer", text),
        ("show", "model", text),
        ("show", "rule", text),
        ("show", run, text),
        ("show", run, "--plan", "--out", text),
        ("doctor", text),
        ("example", text),
        ("example", "moons", f"--{text}"),
        ("evaluate", run, data, "--lang", text),
        ("check", data, text),
        *((*train, f"--{option}", text, "--out", "unused") for option in options),
    ]


def write_foreign_files(run: Path, texts: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Write untrusted files with payloads in place of their texts; return the commands to try.

    Args:
        run: a RUN folder; it is changed.
        texts: the payloads by name.
    """
    names = list(texts.values())
    save_file({text: np.zeros(2, np.float32) for text in names}, "weights.safetensors")
    record, tensors = container.load(run / "model.safetensors", "model")
    record["facts"].update(data=names[0], target=names[-1], command="chainrule train " + names[0])
    container.save("model.safetensors", "model", record, tensors)
    notes = json.loads((run / "doctor.json").read_text(encoding="utf-8"))
    (run / "doctor.json").write_text(json.dumps(_replaced(notes, names[0])), encoding="utf-8")
    config = (run / "config.toml").read_text(encoding="utf-8").splitlines()
    lines = [f"data = {json.dumps(names[0])}" if line.startswith("data =") else line for line in config]
    (run / "config.toml").write_text("\n".join(lines), encoding="utf-8", errors="replace")
    return [
        ("show", "weights.safetensors"),
        ("show", "model.safetensors"),
        ("predict", "model.safetensors", "x"),
        ("doctor", str(run)),
        ("doctor", str(run), "--html", "doctor.html"),
        ("show", str(run), "--profile", "--out", "p.svg"),
        ("train", "x", "--out", str(run), "--resume"),
    ]


def _replaced(value: object, text: str) -> object:
    """A JSON value with replaced texts, apart from those that name a rule or a version."""
    if isinstance(value, dict):
        return {k: v if k in KEPT else _replaced(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [_replaced(part, text) for part in value]
    return text if isinstance(value, str) else value


def labels_of(run: Path) -> list[str]:
    """The labels of a trained model."""
    return [str(label) for label in Model.load(run / "model.safetensors").labels]


def predictions(file: Path, is_raw: bool) -> set[str]:
    """The labels in a file of predictions; those that are not raw without their apostrophe."""
    with file.open(encoding="utf-8", newline="") as stream:
        cells = [row[0] for row in csv.reader(stream)][1:]
    return set(cells) if is_raw else set(map(spreadsheet_text, cells))
