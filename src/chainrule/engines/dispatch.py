"""Entry points of the engines: compile a graph for an engine, or evaluate a few nodes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, overload

import numpy as np

from chainrule.engines.large_stack import on_large_stack
from chainrule.errors import fact
from chainrule.events import notices
from chainrule.exact_cast import exact_array
from chainrule.graph import Graph, Node
from chainrule.memoization import Memo
from chainrule.plan.memory_requirement import MemoryRequirement
from chainrule.plan.passes.bfloat16_products import with_bfloat16_products
from chainrule.settings import PrecisionName, known_precision, planning_cores, settings
from chainrule.validation import unknown, wrong_type

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Program(Protocol):
    """A compiled graph.

    Attributes:
        equal_bits: the fewest and the most rows of a run in which the bits of an independent row depend
            neither on how many there are nor on its place; 0 and 0: that is not known.
    """

    graph: Graph
    equal_bits: tuple[int, int]

    def run(self, arrays: Mapping[str, np.ndarray], *, fixed: bool = False) -> dict[str, np.ndarray]:
        """Return the outputs by name, for arrays by input name.

        Args:
            fixed: whether the arrays of the parameters (the inputs without a batch axis) never change in
                place, so that an engine may keep what it derives from them.
        """
        ...

    def run_each(self, inputs: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the outputs for each of several inputs, in arrays that the next outputs may overwrite."""
        ...

    def memory_requirement(self, sizes: Mapping[str, int]) -> MemoryRequirement:
        """Return the memory of a run for these values of symbolic sizes, without allocating it."""
        ...


ENGINES = ("native", "reference", "xla")
MAX_PROGRAMS = 2 * len(ENGINES)  # of a step: one for each engine and precision


def _engine(name: str | None) -> ModuleType:
    """Return the package of an engine, imported on first use: the native engine loads a compiler.

    Raises:
        UsageError E101: unknown engine.
    """
    name = name or settings.engine
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES, 'engine="{}"', example=ENGINES[0])
    return on_large_stack(import_module, f"chainrule.engines.{name}")


def compile(graph: Graph, engine: str | None = None, precision: PrecisionName = "float32") -> Program:
    """Compile a graph.

    Args:
        graph: the graph.
        engine: name of the engine; by default the setting ``engine``.
        precision: ``"bfloat16"``: the factors of float32 matrix products and convolutions are rounded to it.

    Raises:
        UsageError E101: unknown engine or precision. E113: not a graph.
    """
    if not isinstance(graph, Graph):
        raise wrong_type(graph, "graph", "compile", "a cr.Graph", 'cr.compile(cr.Graph({"y": y}))')
    module = _engine(engine)
    return module.Program(_in_precision(graph, precision, module)[0])


def in_precision(
    graph: Graph, precision: PrecisionName, engine: str | None = None
) -> tuple[Graph, Mapping[Node, Node]]:
    """Return the graph that an engine runs in a precision, and the new nodes of those that changed."""
    return _in_precision(graph, precision, _engine(engine))


def _in_precision(graph: Graph, precision: str, module: ModuleType) -> tuple[Graph, Mapping[Node, Node]]:
    """Return a graph whose products have this precision, and the new nodes of those that changed."""
    if known_precision(precision, "compile") == "float32":
        return graph, {}
    rounds_factors = getattr(module, "rounds_factors", None)
    return with_bfloat16_products(graph, rounds_factors is not None and rounds_factors(graph))


def device_memory(engine: str | None = None) -> tuple[int, int] | None:
    """Return the number of devices that share a training, and the free bytes of each; ``None``: it uses the
    memory of this machine.

    Args:
        engine: name of the engine; by default the setting ``engine``.
    """
    measure = getattr(_engine(engine), "device_memory", None)
    return None if measure is None else measure()


def require_same_options(
    options: Callable[[], Iterable[tuple[Any, object]]], engine: str | None = None
) -> None:
    """Check that all processes of a training run the same code with the same options, if there are several.

    Args:
        options: returns the name of each option, as the user sees it, and its value.
        engine: name of the engine; by default the setting ``engine``.

    Raises:
        TrainingError E632: the processes differ.
    """
    compare = getattr(_engine(engine), "require_same_program", None)
    if compare is not None:
        compare(options)


class Trainer(Protocol):
    """A runner of many training steps over a data set in memory.

    It changes the arrays of ``state`` in place. If it ``keeps_state``, it does so on a device: call ``pull``
    before you read the arrays, and ``push`` after you changed some.
    """

    state: dict[str, np.ndarray]
    keeps_state: bool

    @property
    def place(self) -> tuple[int, int]:
        """The number of this process among those of the training, from 0, and how many there are."""
        ...

    def rows_of_all(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return arrays with the rows of the same arrays of all processes, in their order."""
        ...

    def require_same_rows(self, identity: str) -> None:
        """Check that all processes train on the same rows (TrainingError E632).

        Args:
            identity: a description of the rows.
        """
        ...

    def agreed(self, value: float) -> float:
        """Return a number that all processes of a training have in common: that of the first one."""
        ...

    def replace_data(self, data: Mapping[str, np.ndarray]) -> None:
        """Have the next runs read other data sets, of the same labels and forms of rows."""
        ...

    def run(
        self, order: np.ndarray, batch: int, first: int, count: int, step: int, keys: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Run ``count`` steps; return losses and rates (steps, 2), and the failed step (from 1) or 0."""
        ...

    def is_finite(self) -> bool:
        """Return whether all arrays that steps change were finite after the last run, if it keeps them."""
        ...

    def pull(self) -> None:
        """Update the arrays of ``state`` to those of the device."""
        ...

    def push(self, labels: Iterable[str]) -> None:
        """Have the next run read these arrays of ``state``, or of the data, again."""
        ...


class StepProgram:
    """A training step that each engine compiles once; every training binds its arrays to the result.

    Args:
        graph: the step; outputs ``loss``, ``learning_rate`` and those named in ``homes``.
        core: the nodes of the gradients, which are computed before anything is updated.
        homes: outputs that are inputs of the next step: output name to input label.
        precision: of the products; ``None``: that of the settings.
    """

    def __init__(
        self,
        graph: Graph,
        core: Sequence[Node],
        homes: Mapping[str, str],
        precision: PrecisionName | None = None,
    ) -> None:
        self.graph, self._core, self._homes, self._precision = graph, core, homes, precision
        self._compiled, self._programs = Memo(MAX_PROGRAMS), Memo(MAX_PROGRAMS)

    def _of(self, engine: str | None) -> Any:
        """Return the engine's compiled step, or ``None`` if it runs this step only one update at a time."""
        module, precision = _engine(engine), self._precision or settings.precision

        def compiled() -> Any:
            graph, nodes = _in_precision(self.graph, precision, module)
            step = getattr(module, "CompiledStep", None)
            if step is None or not step.covers(graph):
                return None
            return step(graph, [nodes.get(node, node) for node in self._core], self._homes)

        return self._compiled((module.__name__, precision), compiled)

    def has_trainer(self, engine: str | None = None) -> bool:
        """Return whether the engine runs many steps of this step at once; it then keeps the state."""
        return self._of(engine) is not None

    def trainer(
        self,
        data: Mapping[str, np.ndarray],
        state: dict[str, np.ndarray],
        engine: str | None = None,
        *,
        changes: bool = True,
    ) -> Trainer | None:
        """Return a runner of multi-step training runs, or ``None`` if the engine has none for this step.

        Args:
            data: whole data sets by input label, rows first.
            state: arrays by input label; changed in place.
            engine: name of the engine; by default the setting ``engine``.
            changes: whether the data changes between runs; if not, an engine may copy it once.
        """
        compiled = self._of(engine)
        if compiled is None and hasattr(_engine(engine), "CompiledStep"):
            notices.emit(
                fact("training runs one step at a time: some of its operations have no compiled kernel")
            )
        if compiled is None:
            return None
        return compiled.trainer(data, state, settings.threads, planning_cores(), changes=changes)

    def single(self, engine: str | None = None) -> Program:
        """Return the program that makes one update at a time."""
        precision: Any = self._precision or settings.precision
        key = _engine(engine).__name__, precision
        return self._programs(key, lambda: compile(self.graph, engine, precision))

    def memory_requirement(
        self, data: Collection[str], batch: int, engine: str | None = None
    ) -> MemoryRequirement:
        """Return the memory of a step besides the arrays that the caller passes, without allocating it.

        Args:
            data: input labels of the data sets.
            batch: samples in a batch.
            engine: name of the engine; by default the setting ``engine``.
        """
        compiled = self._of(engine)
        if compiled is None:
            return self.single(engine).memory_requirement({"B": batch})
        return compiled.memory_requirement(data, batch)


@overload
def evaluate(
    outputs: Node, arrays: Mapping[str, ArrayLike] | None = None, engine: str | None = None
) -> np.ndarray: ...
@overload
def evaluate(
    outputs: Sequence[Node], arrays: Mapping[str, ArrayLike] | None = None, engine: str | None = None
) -> list[np.ndarray]: ...
def evaluate(
    outputs: Node | Sequence[Node], arrays: Mapping[str, ArrayLike] | None = None, engine: str | None = None
) -> np.ndarray | list[np.ndarray]:
    """Return the values of nodes.

    Args:
        outputs: one node or several.
        arrays: one array for each input; converted to the input's dtype. No integer is rounded and no
            fraction cut off.
        engine: name of the engine; by default the setting ``engine``.

    Raises:
        ShapeError E209, E210: an array is missing or does not fit. DtypeError E234, E235: an integer, or a
        fraction, that the input's dtype does not represent. DataError E340: no real numbers. UsageError
        E113: ``outputs`` is something else.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (None,), "float64")
        >>> evaluate(x * 2.0, {"x": [1.0, 2.5]}).tolist()
        [2.0, 5.0]
    """
    nodes = [outputs] if isinstance(outputs, Node) else list(outputs)
    others = [node for node in nodes if not isinstance(node, Node)]
    if others or isinstance(outputs, Mapping):
        is_named = isinstance(outputs, Mapping)
        fix = "cr.evaluate(list(outputs.values()), arrays)" if is_named else ""
        wrong, expected = outputs if is_named else others[0], fact("a node, or a list of nodes")
        raise wrong_type(wrong, "outputs", "evaluate", expected, fix)
    graph = Graph({str(i): node for i, node in enumerate(nodes)})
    inputs = {
        name: exact_array(name, value, graph.inputs[name].dtype)
        if name in graph.inputs
        else np.asarray(value)
        for name, value in (arrays or {}).items()
    }
    results = compile(graph, engine).run(inputs)
    values = [results[str(i)] for i in range(len(nodes))]
    return values[0] if isinstance(outputs, Node) else values
