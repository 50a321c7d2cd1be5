"""The door to the engines: compile a graph for one of them, or compute a few nodes at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol, overload

import numpy as np

from chainrule.errors import UsageError, nearest
from chainrule.events import notices
from chainrule.graph import Graph, Node
from chainrule.plan.memory_requirement import Need
from chainrule.settings import planning_cores, settings


class Program(Protocol):
    """A graph made ready to run."""

    graph: Graph

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name, for arrays given by input name."""
        ...

    def need(self, sizes: Mapping[str, int]) -> Need:
        """What memory a run takes, for a number for each symbolic size; nothing is allocated."""
        ...


ENGINES = ("native", "reference")


def _engine(name: str | None) -> ModuleType:
    """The room of an engine. The native one brings a compiler along, so each is loaded when asked for.

    Fails:
        UsageError E101: no such engine.
    """
    name = name or settings.engine
    if name not in ENGINES:
        close = nearest(name, ENGINES) or ENGINES[0]
        raise UsageError(
            "E101",
            where="engine",
            name=name,
            expected=", ".join(ENGINES),
            received=name,
            fix=f'engine="{close}"',
        )
    return import_module(f"chainrule.engines.{name}")


def compile(graph: Graph, engine: str | None = None) -> Program:
    """A program that runs ``graph``.

    Args:
        graph: what to compute.
        engine: which engine; the setting ``engine`` by default.

    Fails:
        UsageError E101: no such engine. E113: not a graph.
    """
    if not isinstance(graph, Graph):
        raise UsageError(
            "E113", where="compile", name="graph", expected="a cr.Graph", received=type(graph).__name__,
            fix='cr.compile(cr.Graph({"y": y}))',
        )  # fmt: skip
    return _engine(engine).Program(graph)


class Trainer(Protocol):
    """Runs a training step many times over a data set in memory."""

    state: dict[str, np.ndarray]

    def run(
        self, order: np.ndarray, batch: int, first: int, count: int, step: int, keys: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Make ``count`` steps: losses and rates (steps made, 2), and which step failed (from 1), or 0."""
        ...


def trainer(
    graph: Graph,
    core: Sequence[Node],
    homes: Mapping[str, str],
    data: Mapping[str, np.ndarray],
    state: dict[str, np.ndarray],
    engine: str | None = None,
) -> Trainer | None:
    """What runs whole stretches of training in one call, where the engine can; else ``None``.

    Args:
        graph: the step; outputs ``loss``, ``rate`` and those named in ``homes``.
        core: the gradients' nodes, known before anything is updated.
        homes: outputs that are the next step's inputs: output name to input label.
        data: whole data sets by input label, rows first; read anew in every run, because augmentation changes
            them between epochs.
        state: arrays by input label; changed in place.
        engine: which engine; the setting ``engine`` by default.
    """
    runs = _trainer_of(graph, engine)
    if runs is None and hasattr(_engine(engine), "Trainer"):
        notices.emit(
            "training goes step by step: not every operation of it has a compiled kernel",
            "训练将逐步进行：其中有的运算没有编译的内核",
        )
    if runs is None:
        return None
    return runs(graph, core, homes, data, state, settings.threads, planning_cores())


def has_trainer(graph: Graph, engine: str | None = None) -> bool:
    """Whether the engine runs whole stretches of training with this step; then it keeps the state itself."""
    return _trainer_of(graph, engine) is not None


def _trainer_of(graph: Graph, engine: str | None) -> Any:
    """The engine's class of trainers, where it has one that covers this step."""
    runs = getattr(_engine(engine), "Trainer", None)
    return runs if runs is not None and runs.covers(graph) else None


def step_need(
    graph: Graph,
    core: Sequence[Node],
    homes: Mapping[str, str],
    data: Collection[str],
    batch: int,
    engine: str | None = None,
) -> Need:
    """What memory a training step takes besides the arrays it is handed; nothing is allocated.

    Args:
        graph, core, homes, engine: as for ``trainer``.
        data: input labels of the data sets.
        batch: samples in a batch.
    """
    runs = _trainer_of(graph, engine)
    if runs is None:
        return compile(graph, engine).need({"B": batch})
    return runs.need(graph, core, homes, data, batch)


@overload
def evaluate(
    outputs: Node, arrays: Mapping[str, Any] | None = None, engine: str | None = None
) -> np.ndarray: ...
@overload
def evaluate(
    outputs: Sequence[Node], arrays: Mapping[str, Any] | None = None, engine: str | None = None
) -> list[np.ndarray]: ...
def evaluate(
    outputs: Node | Sequence[Node], arrays: Mapping[str, Any] | None = None, engine: str | None = None
) -> np.ndarray | list[np.ndarray]:
    """The values of nodes.

    Args:
        outputs: one node or several.
        arrays: for each input its array; converted to the input's number kind.
        engine: which engine; the setting ``engine`` by default.

    Fails:
        ShapeError E209, E210: an array is missing or does not fit.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (None,), "float64")
        >>> evaluate(x * 2.0, {"x": [1.0, 2.5]}).tolist()
        [2.0, 5.0]
    """
    nodes = [outputs] if isinstance(outputs, Node) else list(outputs)
    graph = Graph({str(i): node for i, node in enumerate(nodes)})
    given = {
        name: np.asarray(value, dtype=graph.inputs[name].dtype if name in graph.inputs else None)
        for name, value in (arrays or {}).items()
    }
    results = compile(graph, engine).run(given)
    values = [results[str(i)] for i in range(len(nodes))]
    return values[0] if isinstance(outputs, Node) else values
