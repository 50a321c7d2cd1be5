"""The options of a training, and ``config.toml``, which keeps them beside the model.

The file is there to be read by people and by ``--resume``. It is read with Python's own TOML reader and every
value is checked: a run folder may come from someone else.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from chainrule import data
from chainrule.errors import FileError, UsageError, nearest
from chainrule.nn import OPTIMIZERS
from chainrule.records import frozen
from chainrule.store import RunFolder
from chainrule.store.json_document import is_text
from chainrule.train.evaluation.metric import resolve_metrics

CONFIG = "config.toml"
LARGEST = 2**20  # bytes of a config that are read at most
_TEXT = r'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(
    rf"\s*|\s*#.*|[a-z_]+ *= *(?:{_TEXT}|[-+.\w]{{1,60}}|\[(?:{_TEXT}(?:, *{_TEXT})*)?\]) *(?:#.*)?"
)
FINGERPRINT = "fingerprint"  # the one line of the config that is no option
NET = "64 relu, dropout 0.2, 64 relu, dropout 0.2"
PENALTY = (
    1e-2  # of the squared weights: chosen on validation rows of the bundled sets, as are the other defaults
)


@frozen
class Options:
    """Everything that decides a training; the same options on the same data give the same files.

    Args:
        data: the file, or the name of a set.
        target: the column to predict; the table's own by default.
        task: ``classification`` or ``regression``; decided from the target by default.
        net: the hidden layers, in words.
        epochs: passes over the training rows at most.
        batch_size: rows for one update.
        optimizer: by name.
        learning_rate: the learning rate.
        penalty: the strength of the L2 penalty on weights.
        patience: epochs without improvement on the validation rows before the training ends; 0: never.
        class_weight: ``balanced``, or empty.
        seed: decides the split, the first weights and the order of rows.
        engine: what runs the graphs; the setting's by default.
        size: of a folder of images, the height and width in pixels that all are brought to; 0: as they are.
        augment: of a folder of images, how they are changed at random in every epoch, in words.
        damaged: of a folder of images, whether one that cannot be decoded is refused or left out (``skip``).
        histograms: after how many epochs the distributions of weights, activations and gradients are counted;
            0: never.
        metric: what is measured besides the usual, by name.
        category, number, drop: columns whose kind a person decided, or that are left out.
    """

    data: str
    target: str = ""
    task: str = ""
    net: str = NET
    epochs: int = 200
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 0.002
    penalty: float = PENALTY
    patience: int = 20
    class_weight: str = ""
    seed: int = 0
    engine: str = ""
    size: int = 0
    augment: str = ""
    damaged: str = "refuse"
    histograms: int = 0
    metric: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ranges = {
            "epochs": (self.epochs >= 1, ">= 1"),
            "batch-size": (self.batch_size >= 1, ">= 1"),
            "learning-rate": (0 < self.learning_rate < float("inf"), "> 0"),
            "penalty": (0 <= self.penalty < float("inf"), ">= 0"),
            "patience": (self.patience >= 0, ">= 0"),
            "histograms": (self.histograms >= 0, ">= 0"),
            "size": (0 <= self.size <= 10_000, "0 to 10000 pixels"),
            "seed": (0 <= self.seed < 2**63, "0 <= seed < 2^63"),
        }
        for name, (holds, expected) in ranges.items():
            if not holds:
                received = getattr(self, name.replace("-", "_"))
                raise UsageError("E102", where=f"--{name}", name=name, expected=expected, received=received)
        if self.augment:
            data.augmentation_from_text(self.augment)
        resolve_metrics(self.metric)
        _known("--optimizer", self.optimizer, tuple(OPTIMIZERS))
        _known("--class-weight", self.class_weight, ("", "balanced"))
        _known("--damaged", self.damaged, ("refuse", "skip"))
        _known("--task", self.task, ("", "classification", "regression"))
        twice = [c for c in self.category if c in self.number] + [
            c for c in self.drop if c in (*self.category, *self.number, self.target)
        ]
        if twice:
            raise UsageError(
                "E608",
                where="--category, --number, --drop",
                expected="each column once",
                received=", ".join(twice),
            )

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds a person decided, as ``data.describe`` takes them."""
        return {**dict.fromkeys(self.category, "category"), **dict.fromkeys(self.number, "number")}

    def command(self, out: str = "") -> str:
        """The line that repeats this training."""
        words = ["chainrule", "train", quoted(self.data)]
        usual = Options(self.data)
        for field in fields(self)[1:]:
            value, name = getattr(self, field.name), f"--{field.name.replace('_', '-')}"
            if isinstance(value, tuple):
                words += [part for entry in value for part in (name, quoted(entry))]
            elif value != getattr(usual, field.name) or name == "--seed":
                words += [name, quoted(str(value))]
        return " ".join([*words, *(["--out", quoted(out)] if out else [])])


def _known(where: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        names = [name for name in known if name]
        close = nearest(word, names) or names[0]
        raise UsageError(
            "E101", where=where, name=word, expected=", ".join(names), received=word, fix=f"{where} {close}"
        )


def quoted(word: str) -> str:
    """A word as a shell takes it."""
    plain = word and all(c.isalnum() or c in "_@%+=:,./-" for c in word)
    return word if plain else "'" + word.replace("'", "'\"'\"'") + "'"


def to_toml(options: Options, fingerprint: str) -> str:
    """The text of ``config.toml``.

    Args:
        options: of the training.
        fingerprint: of the rows it learns from, so that it is never gone on with on others.

    Raises:
        UsageError E601: a name that is no valid Unicode, which no text file can hold.

    Example:
        >>> print(to_toml(Options("iris", seed=3), "5f2c").splitlines()[1])
        data = "iris"
    """
    lines = ["# The options of this training; `chainrule train DATA --out RUN --resume` reads them."]
    for field in fields(options):
        value = getattr(options, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not is_text(text):
                raise UsageError(
                    "E601",
                    where="chainrule train",
                    option=field.name,
                    expected="valid Unicode",
                    received=ascii(text),
                )
        lines.append(f"{field.name} = {_toml(value)}")
    return "\n".join([*lines, f"{FINGERPRINT} = {_toml(fingerprint)}", ""])


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(part) for part in value)}]"
    if isinstance(value, str):  # JSON's escapes are TOML's, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def read_config(folder: RunFolder) -> tuple[Options, str]:
    """The options that a run was trained with, and the fingerprint of its rows.

    Raises:
        FileError E604: the folder has no config. FileError E605: the config is not one chainrule could have
        written.
    """
    try:
        text = folder.read_text(CONFIG, LARGEST)
    except FileError as cause:
        if cause.code != "E401":
            raise
        raise FileError("E604", where=str(folder.path), expected=f"a folder with {CONFIG}", received="none",
                        fix="train without --resume") from cause  # fmt: skip
    where = str(folder.path / CONFIG)
    found = _parsed(text, where)
    fingerprint = found.pop(FINGERPRINT, None)
    values, wrong = _values(found)
    wrong += [] if isinstance(fingerprint, str) else [f'"{FINGERPRINT}" is missing']
    if wrong:
        raise FileError(
            "E605",
            where=where,
            expected="the options of a training",
            received=sorted(wrong)[0],
            notes=sorted(wrong)[1:],
        )
    return Options(**values), str(fingerprint)


def _parsed(text: str, where: str) -> dict[str, Any]:
    """The values of a config by name.

    TOML allows more than ``to_toml`` writes: tables in tables, names with a thousand dots, for which a reader
    needs time quadratic in their number. So each line has to look as it is written before it is parsed.

    Raises:
        FileError E605: a line that is not ``name = value``, or a value that is not TOML.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not _LINE.fullmatch(line.rstrip("\r")):
            shown = f"line {number}: {ascii(line[:60])[1:-1]}"
            raise FileError("E605", where=where, expected="lines such as epochs = 200", received=shown)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as cause:  # TOMLDecodeError is a ValueError, as are too many digits
        raise FileError("E605", where=where, expected="TOML", received=str(cause)[:120]) from cause


def _values(found: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of all fields, and what is wrong with them."""
    usual, known = Options(""), [field.name for field in fields(Options)]
    wrong = [f'"{name}" is unknown' for name in found if name not in known]
    wrong += [f'"{name}" is missing' for name in known if name not in found]
    values = {}
    for name in (name for name in known if name in found):
        like = getattr(usual, name)
        value = tuple(found[name]) if isinstance(found[name], list) else found[name]
        if isinstance(like, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value) if abs(value) < 2**1000 else value
        texts = not isinstance(value, tuple) or all(isinstance(part, str) for part in value)
        if type(value) is not type(like) or not texts:
            wrong.append(f'"{name}" is a {type(value).__name__}, not a {type(like).__name__}')
        values[name] = value
    return values, wrong


def agreed(saved: Options, given: dict[str, Any], data: str) -> Options:
    """The saved options, once it is known that those given now say the same.

    Raises:
        UsageError E603: some differ; all are listed.
    """
    wrong = [
        f"{name}: {getattr(saved, name)!r}, now {value!r}"
        for name, value in given.items()
        if value != getattr(saved, name)
    ]
    if wrong:
        raise UsageError(
            "E603",
            where="--resume",
            expected="the options of before, or none",
            received=wrong[0],
            notes=wrong[1:],
            fix="leave these options out, or train into another --out",
        )
    return replace(saved, data=data)
