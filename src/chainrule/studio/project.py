"""The project of a studio: the options of a training, and what they mean.

A project is a value: its options are those of ``chainrule train``, so that a training of the studio is the
same RUN as that of the command line. Every change makes a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np

from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.data.tables.checks import STANDARDIZED, described_and_checked
from chainrule.data.tables.table import Table
from chainrule.diagnosis import RULE_OF
from chainrule.errors import UsageError, fact
from chainrule.memoization import cached_property
from chainrule.model import Model
from chainrule.nn import ACTIVATIONS, OPTIMIZERS
from chainrule.page.png import encode_png
from chainrule.records import frozen
from chainrule.settings import Language, settings
from chainrule.studio.exports import EXPORTS
from chainrule.studio.frames import FrameWriter
from chainrule.studio.page_records import layer_record
from chainrule.tabular.display import column_rows, layer_rows
from chainrule.tabular.options import ENSEMBLE, KIND_OPTIONS, Options
from chainrule.tabular.training_plan import NET, TrainingPlan, drop_columns, plan_of, prepare_data, read_rows
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.evaluation.rows import NetworkRows, encode_labeled
from chainrule.train.model_state import ModelState
from chainrule.train.single_member import members_of, single_member

FIRST = {
    "net": "8 tanh, 8 tanh",
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "epochs": 100,
    "penalty": 0.0,
    "patience": 0,
}
"""The options of a new project: plain gradient descent, whose formulas are the shortest."""
EDITABLE = (
    *(
        "target",
        "task",
        "net",
        "epochs",
        "batch_size",
        "optimizer",
        "learning_rate",
        "penalty",
        "patience",
        "seed",
    ),
    *("class_weight", "split", "drop", *KIND_OPTIONS),
)
VIEWS = ["data", "network", "training", "chain", "predict", "files"]
MAX_TOKENS = 128  # columns of a table that a Transformer takes one by one
MAX_POINTS = 10_000  # of a scatter plot


@contextmanager
def language(lang: str) -> Iterator[None]:
    """Use a language inside the block; the studio computes one request after the other."""
    before = settings.lang
    settings.lang = cast(Language, lang)
    try:
        yield
    finally:
        settings.lang = before


@frozen(eq=False)
class Project:
    """Data, network and training options.

    Args:
        options: of the training.
        run: the run folder that was opened; ``""`` for a project without one.
        trained: the model in it.
    """

    options: Options
    run: str = ""
    trained: ModelState | None = None

    @staticmethod
    def of_data(data: str, reading: ReadOptions = NO_OPTIONS) -> Project:
        """Return a new project of a file or of a data set by name.

        The last column with different values is the target, unless the data set names one.

        Args:
            data: the file, or the name of the set.
            reading: how the file is read.
        """
        options = Options(data, **asdict(reading)).with_passed(FIRST)
        table = read_rows(data, options)
        if not table.target and table.columns:
            options = replace(options, target=_varied_column(table))
        project = Project(options)
        project.__dict__["table"] = table
        return project

    def changed(self, changes: Mapping[str, Any]) -> Project:
        """Return the project with other options, which are validated; a RUN is left then.

        Raises:
            UsageError E101, E102, E117: an invalid option. DataError: data that cannot be prepared with them.
        """
        values: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in EDITABLE:
                raise UsageError(
                    "E101", where="studio", name=name, expected=", ".join(EDITABLE), received=name
                )
            values[name] = _typed(value, getattr(Options(""), name), name)
        values["learning_rate_at"] = ()  # they belong to the training before
        options = self.options.with_passed(values)
        options.require_network()
        project = Project(options)
        project.__dict__.update(self._same_table(project))
        project.plan.model()
        return project

    def with_options(self, options: Options) -> Project:
        """Return the project with the options of its training, of the same data and network."""
        project = Project(options)
        project.__dict__.update(self._same_table(project))
        return project

    def _same_table(self, other: Project) -> dict[str, Any]:
        is_same = other.options.data == self.options.data and other.options.reading == self.options.reading
        return {"table": self.table} if is_same else {}

    @cached_property
    def table(self) -> Table:
        """The rows as they are in the file."""
        return read_rows(self.options.data, self.options)

    @cached_property
    def plan(self) -> TrainingPlan:
        """What the training does with the rows."""
        return plan_of(self.options, prepare_data(self.options, self.table))

    @cached_property
    def initial(self) -> ModelState:
        """The model before its first update, with the initial values that the training has.

        Of a RUN that was opened, the model itself; of an ensemble its first network.
        """
        if self.trained is not None:
            return single_member(self.trained, 1) if members_of(self.trained) > 1 else self.trained
        prepared, state = self.plan.prepared, self.plan.model().state
        labels = prepared.preparation.labels
        if labels:
            state = replace(state, classes={"": tuple(labels)})
        state = Model.of(state).initialize(prepared.training.x, self.options.seed).state
        return replace(state, is_given=False)

    @property
    def is_ensemble(self) -> bool:
        """Whether the training of the RUN is an ensemble, which the studio shows and does not train."""
        return self.trained is not None and members_of(self.trained) > 1

    def labeled_row(self, row: int) -> NetworkRows:
        """Return a row of the data, from 1, as the network takes it.

        Raises:
            UsageError E606: no such row.
        """
        return encode_labeled(self.initial, self.table_row(row), None, "explain")

    def table_row(self, row: int) -> Table:
        """Return a row of the data, from 1.

        Raises:
            UsageError E606: no such row.
        """
        if not 1 <= row <= self.table.rows:
            expected = fact("1 to {count}", count=self.table.rows)
            raise UsageError("E606", where="studio", row=row, expected=expected, received=row)
        return self.table.take(np.array([row - 1]))

    def row_cells(self, row: int) -> dict[str, Any]:
        """Return the cells of a row by column; of an image its file."""
        if not 1 <= row <= self.table.rows:
            return {}
        frame = self.table.frame.slice(row - 1, 1)
        cells = {name: frame[name][0] for name in frame.columns}
        for pixels in self.table.images.values():
            cells["file"] = encode_png(np.asarray(pixels[row - 1]))
        return cells

    def record(self, lang: str) -> dict[str, Any]:
        """Return data, network, options and programs."""
        return {
            "run": self.run,
            "is_ensemble": self.is_ensemble,
            "views": VIEWS,
            "exports": list(EXPORTS),
            "data": self.data_record(lang),
            "network": self.network_record(),
            "options": self.options_record(),
            "programs": self.programs(),
            "choices": {"optimizers": sorted(OPTIMIZERS), "activations": sorted(ACTIVATIONS)},
        }

    def data_record(self, lang: str) -> dict[str, Any]:
        """Return the columns with their kinds, the use of the rows, and the findings of ``check``."""
        options = self.options
        table = drop_columns(self.table, options.drop)
        with language(lang):
            columns, findings = described_and_checked(table, options.target or None, options.kinds)
            rows = column_rows(columns)
            use = self.plan.row_use.text
            texts = [
                {"severity": f.severity, "text": f.render(lang), "rule": RULE_OF.get(f.code, "")}
                for f in findings
            ]
        prepared = self.plan.prepared
        described = [
            {
                "name": c.name,
                "kind": c.kind,
                "title": r[1],
                "missing": c.missing,
                "summary": r[3],
                "why": r[4],
            }
            | {"is_target": c.name == prepared.task.target}
            for c, r in zip(columns, rows, strict=True)
        ]
        return {
            "source": options.data,
            "rows": table.rows,
            "columns": described,
            "dropped": list(options.drop),
            "target": prepared.task.target,
            "task": prepared.task.kind,
            "labels": [str(label) for label in prepared.preparation.labels[:50]],
            "parts": list(prepared.parts.sizes),
            "use": use,
            "findings": texts,
            "is_standardized": any(f.code in STANDARDIZED for f in findings),
            "features": len(prepared.preparation.features),
        }

    def rows_record(self, start: int, count: int) -> dict[str, Any]:
        """Return a part of the rows as texts, for a table in pages."""
        frame = self.table.frame.slice(start, count)
        cells = [["" if cell is None else str(cell)[:80] for cell in row] for row in frame.rows()]
        return {"columns": list(frame.columns), "start": start, "total": self.table.rows, "rows": cells}

    def scatter_record(self) -> dict[str, Any]:
        """Return the rows as points with their classes or values, if there are two inputs of numbers."""
        prepared = self.plan.prepared
        axes = FrameWriter(prepared, self.initial).axes
        if axes is None:
            return {"axes": None}
        first, second = prepared.preparation.columns
        frame = prepared.table.frame.head(MAX_POINTS)
        values = prepared.preparation.targets(prepared.table.take(np.arange(len(frame))))
        classes = len(prepared.preparation.labels)
        values = values if classes else prepared.preparation.restore(values)
        triples = zip(frame[first].to_list(), frame[second].to_list(), values.tolist(), strict=True)
        points = [[x, y, v] for x, y, v in triples if x is not None and y is not None]
        return {
            "axes": [[float(side[0]), float(side[-1])] for side in axes],
            "names": [first, second],
            "classes": classes,
            "low": min((p[2] for p in points), default=0),
            "high": max((p[2] for p in points), default=1),
            "points": points,
        }

    def network_record(self) -> dict[str, Any]:
        """Return the layers with their shapes and numbers of parameters."""
        net = self.initial.recipe.net
        inputs = specs_of({"x": self.plan.prepared.training.x})
        rows = layer_rows(net, inputs, self.initial.recipe.dtype)
        layers = [layer_record(row) for row in rows]
        loss = self.initial.recipe.loss
        return {
            "net": NET if self.options.net == ENSEMBLE else self.options.net,
            "layers": layers,
            "parameters": sum(r.parameters for r in rows),
            "paths": list(self.initial.parameters),
            "presets": self._presets(),
            "inputs": int(self.plan.prepared.training.x[0].size),
            "outputs": self.plan.prepared.head.outputs,
            "loss": str(getattr(loss, "name", loss)),
        }

    def _presets(self) -> dict[str, str]:
        """Return the texts of networks that depend on the shape of the inputs: LeNet and a Transformer."""
        shape = tuple(self.plan.prepared.training.x.shape[1:])
        if len(shape) == 3:
            height, width, channels = shape
            lenet = "conv 6 5 tanh, pool 2, conv 16 3 tanh, pool 2, flatten, 120 tanh, 84 tanh"
            tokens = f"reshape {height} {width * channels}, 16, position {height}, encoder 2, mean"
            return {"lenet": lenet, "transformer": tokens} if min(height, width) >= 8 else {}
        count = shape[0]
        if len(shape) > 1 or not 1 < count <= MAX_TOKENS:
            return {}
        return {"transformer": f"reshape {count} 1, 16, position {count}, encoder 2, mean"}

    def programs(self) -> dict[str, str]:
        """Return the Python program and the command of this training, and its network as layers."""
        call = self.options.call().replace("(data", f"({self.options.data!r}", 1)
        head, _, rest = call.partition("(")
        words = _arguments(rest[:-1])
        lines = ["import chainrule as cr", "", f"run = {head}("]
        lines += [*(f"    {word}," for word in words), ")", "print(run)", ""]
        return {
            "python": "\n".join(lines),
            "command": self.options.command(),
            "layers": str(self.initial.recipe.net),
        }

    def options_record(self) -> dict[str, Any]:
        """Return the options that the page edits."""
        values = {name: getattr(self.options, name) for name in (*EDITABLE, "learning_rate_at")}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _varied_column(table: Table) -> str:
    """Return the last column with at least two values; the last one if there is none."""
    names = reversed(table.columns)
    return next((n for n in names if table.frame[n].drop_nulls().n_unique() > 1), table.columns[-1])


def _arguments(text: str) -> list[str]:
    """Return the arguments of a call, separated at the commas outside quotes and brackets.

    Example:
        >>> _arguments("'a, b', net='8 tanh, 8', drop=('c', 'd')")
        ["'a, b'", "net='8 tanh, 8'", "drop=('c', 'd')"]
    """
    parts, depth, quote, start = [], 0, "", 0
    for i, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[i - 1] != "\\" else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign == "," and not depth:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def _typed(value: Any, default: Any, name: str) -> Any:
    """Return the value of an option from JSON, whose type must be that of the default."""
    if isinstance(default, tuple):
        is_list = isinstance(value, list) and all(isinstance(part, str) for part in value)
        value, is_valid = (tuple(value) if is_list else value), is_list
    elif isinstance(default, float):
        is_valid = isinstance(value, int | float) and not isinstance(value, bool)
        value = float(value) if is_valid and abs(value) < 2**1000 else value
    else:
        is_valid = type(value) is type(default)
    if not is_valid:
        expected = fact("a {kind}", kind=type(default).__name__)
        raise UsageError("E102", where="studio", name=name, expected=expected, received=repr(value)[:80])
    return value
