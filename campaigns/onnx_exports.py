"""The plain node cases of the ``onnx`` library, imported and exported again.

    python -m campaigns.onnx_exports                 to C, to Python with NumPy, and to ONNX
    python -m campaigns.onnx_exports --to c --cases conv

Each case is a file with one operator, its inputs and expected outputs, by others. It is imported, and its
graph is exported: to C99, which is compiled with all warnings as errors and run; to lines of NumPy, which are
run; to ONNX, which ONNX Runtime runs. A case passes if all outputs are the expected ones, within the
tolerance of the case. Where an output follows from the shapes alone, it is known after the import, and there
is nothing to export.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import itertools
import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from campaigns.onnx_nodes import cases, data_sets, difference, is_plain, model_of

from chainrule.errors import ChainruleError
from chainrule.graph import Node, order
from chainrule.interop.export import numpy_operations
from chainrule.interop.export.c_constants_and_memory import INCLUDES, constants, memory
from chainrule.interop.export.c_file import FLAGS
from chainrule.interop.export.dialects import C
from chainrule.interop.export.loop_operations import OPERATIONS
from chainrule.interop.export.loop_program import LoopProgram
from chainrule.interop.export.numpy_file import with_needs
from chainrule.interop.export.numpy_operations import FUNCTIONS
from chainrule.interop.export.numpy_program import NumpyProgram
from chainrule.interop.onnx.network import network_of
from chainrule.interop.onnx.values import Value, as_stored

PAGE = Path(__file__).parents[1] / "docs" / "exporting.md"
BEGIN, END = "<!-- node cases -->", "<!-- end of node cases -->"
PART = 60  # functions that are compiled together
NAMES = {"c": "C99", "numpy": "NumPy", "onnx": "ONNX, by ONNX Runtime"}


@dataclass
class Trial:
    """A case as a graph.

    Args:
        name: of the case.
        inputs: the nodes of the inputs by label.
        values: the outputs of the graph by name.
        nodes: their nodes, without those that are known.
        arrays: the inputs and the weights by label.
        expected: the outputs of the case.
        rtol, atol: of the case.
    """

    name: str
    inputs: dict[str, Node]
    values: Mapping[str, Any]
    nodes: list[Node]
    arrays: dict[str, np.ndarray]
    expected: Sequence[Any]
    rtol: float
    atol: float
    reasons: dict[str, str] = field(default_factory=dict)

    def compare(self, kind: str, computed: Sequence[np.ndarray]) -> None:
        """Note whether the outputs of an export are the expected ones."""
        by_node = dict(zip(self.nodes, computed, strict=True))
        outputs = [
            as_stored(by_node[value.node], value.dtype) if value.node is not None else value.array
            for value in self.values.values()
        ]
        self.reasons[kind] = difference(outputs, self.expected, self.rtol, self.atol)


def trials(words: Sequence[str]) -> Iterator[Trial | str]:
    """The plain cases with tensors as graphs; the name of each that is not imported."""
    for case in cases("node"):
        model, content, path = model_of(case)
        if not is_plain(case.name, model) or (words and not any(word in case.name for word in words)):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield from _imported(case, model, content, path)
        except (ChainruleError, TypeError, ValueError, AssertionError):
            yield case.name


def _imported(case: Any, model: Any, content: bytes, path: str) -> Iterator[Trial | str]:
    from chainrule.interop.onnx.network import _fed  # noqa: PLC0415

    network = network_of(content, path or case.name)
    names = [one.name for one in network.declared]
    for inputs, expected in itertools.islice(data_sets(case, model), 1):
        every = [value.name for value in model.graph.input]
        feeds = {name: value for name, value in zip(every, inputs, strict=False) if name in names}
        values = {one.name: _fed(one, feeds.get(one.name)) for one in network.declared}
        program, arrays = network._program(values, None)
        outputs = program.outputs
        if not all(isinstance(value, Value) for value in outputs.values()):
            yield case.name
            return
        nodes = list(dict.fromkeys(v.node for v in outputs.values() if v.node is not None))
        known = {**program.weights, **arrays}
        leaves = {n.op.label: n for n in order(nodes) if n.op.name == "input" and n.op.label in arrays}
        sizes = {
            str(size): length
            for label, node in leaves.items()
            for size, length in zip(node.shape, arrays[label].shape, strict=True)
            if not isinstance(size, int)
        }
        if sizes:  # an export to C has fixed lengths
            from chainrule.graph import input_node, rebuild  # noqa: PLC0415

            fixed = {
                node: input_node(label, arrays[label].shape, node.dtype) for label, node in leaves.items()
            }
            rebuilt = rebuild(nodes, fixed, sizes)
            swap = dict(zip(nodes, rebuilt, strict=True))
            outputs = {
                k: v if v.node is None else Value(v.dtype, v.array, swap[v.node]) for k, v in outputs.items()
            }
            nodes, leaves = (
                list(dict.fromkeys(rebuilt)),
                {label: fixed[node] for label, node in leaves.items()},
            )
        yield Trial(case.name, leaves, outputs, nodes, known, expected, case.rtol, case.atol)


def weights_of(trial: Trial) -> dict[str, np.ndarray]:
    """The arrays that are no inputs."""
    return {label: array for label, array in trial.arrays.items() if label not in trial.inputs}


def in_numpy(trial: Trial) -> None:
    """Run a case as lines of NumPy."""
    program = NumpyProgram(weights_of(trial), numpy_operations.OPERATIONS)
    variables = {label: f"x{i}" for i, label in enumerate(trial.inputs)}
    for label, node in trial.inputs.items():
        program.add_input(variables[label], node)
    program.write(trial.nodes)
    source = "".join(FUNCTIONS[name] for name in with_needs(program.functions))
    body = "".join(f"    {line}\n" for line in program.lines)
    results = ", ".join(map(program.name, trial.nodes))
    source += f"def run({', '.join(variables.values())}):\n{body}    return [{results}]\n"
    scope: dict[str, Any] = {"np": np, "math": math, "itertools": itertools, "W": program.constants}
    exec(source, scope)
    with np.errstate(all="ignore"):
        arrays = scope["run"](*(trial.arrays[label] for label in trial.inputs))
    trial.compare("numpy", [np.asarray(array) for array in arrays])


def in_onnx(trial: Trial) -> None:
    """Write a case as ONNX and run it in ONNX Runtime."""
    import onnx  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415

    from chainrule.interop.onnx.export import file as operations  # noqa: PLC0415
    from chainrule.interop.onnx.export.graph import OnnxGraph  # noqa: PLC0415

    onnxruntime.set_default_logger_severity(4)
    graph = OnnxGraph(weights_of(trial), operations.OPERATIONS)
    names = {label: graph.unique(label) for label in trial.inputs}
    for label, node in trial.inputs.items():
        graph.add_input(names[label], node)
    graph.write(trial.nodes)
    outputs = [graph.named(graph.value(n), f"out_{i}", n.spec) for i, n in enumerate(trial.nodes)]
    proto = onnx.helper.make_model(
        graph.proto("case", outputs), opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8
    )
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    used = {value.name for value in session.get_inputs()}
    feeds = {names[label]: trial.arrays[label] for label in trial.inputs if names[label] in used}
    trial.compare("onnx", list(session.run(None, feeds)))


def c_function(trial: Trial, name: str) -> str:
    """A case as a function in C from pointers to inputs and outputs."""
    program = LoopProgram(weights_of(trial), OPERATIONS, name)
    arguments = []
    for i, node in enumerate(trial.inputs.values()):
        program.names[node] = f"in{i}"
        arguments.append(f"const {C.types[node.dtype]} *in{i}")
    program.write(trial.nodes)
    for i, node in enumerate(trial.nodes):
        arguments.append(f"{C.types[node.dtype]} *out{i}")
        size = math.prod(program.shape(node))
        program.lines.append(f"    for (int k = 0; k < {size}; k++) out{i}[k] = {program.value(node)}[k];")
    head = f"int {name}({', '.join(arguments) or 'void'})"
    body = "\n".join(program.lines)
    return f"{memory(program)}{constants(program)}{head};\n{head} {{\n{body}\n    return 0;\n}}\n"


def in_c(part: Sequence[Trial]) -> None:
    """Compile cases together; one at a time if that fails."""
    functions: dict[str, tuple[Trial, str]] = {}
    for i, trial in enumerate(part):
        try:
            functions[f"f{i}"] = trial, c_function(trial, f"f{i}")
        except Exception as error:  # a failure is reported, whatever it is
            trial.reasons["c"] = _reason(error)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "cases.c"), Path(folder, "cases.so")
        source.write_text(INCLUDES + "".join(text for _, text in functions.values()))
        command = [
            "cc",
            *FLAGS,
            "-O1",
            "-Wno-unused-parameter",
            "-shared",
            "-fPIC",
            "-o",
            str(library),
            str(source),
        ]
        done = subprocess.run([*command, "-lm"], capture_output=True, text=True, check=False)
        if done.returncode and len(functions) > 1:
            for trial, _ in functions.values():
                in_c([trial])
            return
        if done.returncode:
            for trial, _ in functions.values():
                trial.reasons["c"] = f"compiler: {done.stderr.partition('error: ')[2][:100]}"
            return
        loaded = ctypes.CDLL(str(library))
        for name, (trial, _) in functions.items():
            _called(trial, loaded[name])


def _called(trial: Trial, function: Any) -> None:
    from chainrule.symbolic_shape import bound  # noqa: PLC0415

    outputs = [np.zeros(bound(node.shape), node.dtype) for node in trial.nodes]
    inputs = [np.require(trial.arrays[label], node.dtype, "C") for label, node in trial.inputs.items()]
    if function(*(ctypes.c_void_p(array.ctypes.data) for array in (*inputs, *outputs))):
        trial.reasons["c"] = "an index is out of range"
    else:
        trial.compare("c", outputs)


def _reason(error: Exception) -> str:
    received = getattr(error, "received", "")
    text = f"{getattr(error, 'code', type(error).__name__)}: {received or error}".replace("\n", " ")
    return f"{text[:60]} ... {text[-100:]}" if len(text) > 170 else text


def measured(words: argparse.Namespace) -> tuple[list[Trial], list[str]]:
    """Run all exports; return the cases, and those that are not imported as tensors."""
    imported, others = list[Trial](), list[str]()
    for trial in trials(words.cases):
        if isinstance(trial, str):
            others.append(trial)
        else:
            imported.append(trial)
    graphs = [trial for trial in imported if trial.nodes]
    for trial in imported:
        for kind in words.to if not trial.nodes else ():
            trial.compare(kind, [])
    for kind, run in (("numpy", in_numpy), ("onnx", in_onnx)):
        for trial in graphs if kind in words.to else ():
            try:
                run(trial)
            except Exception as error:  # a failure is reported, whatever it is
                trial.reasons[kind] = _reason(error)
    if "c" in words.to:
        for start in range(0, len(graphs), PART):
            in_c(graphs[start : start + PART])
    return imported, others


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts and the reasons of failures; write the table after a run of all cases."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", nargs="*", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--cases", nargs="*", default=[], help="only cases whose name contains one of these")
    words = parser.parse_args(arguments)
    start = time.perf_counter()
    results, others = measured(words)
    total = len(results) + len(others)
    known = sum(not trial.nodes and not trial.reasons[words.to[0]] for trial in results)
    rows = ["| to | cases | pass | of these: known after the import |", "|---|---:|---:|---:|"]
    for kind in words.to:
        passes = sum(trial.reasons.get(kind) == "" for trial in results)
        rows.append(f"| {NAMES[kind]} | {total:,} | {passes:,} | {known} |")
        reasons = collections.Counter(trial.reasons.get(kind, "") for trial in results)
        for trial in results:
            if trial.reasons.get(kind):
                print(f"{kind:6} {trial.name}: {trial.reasons[kind]}")
        print(kind, reasons.most_common(12))
    print("not imported as tensors:", ", ".join(others))
    print("\n".join(rows), f"\n{time.perf_counter() - start:.0f} s")
    if not words.cases and PAGE.exists():
        before, mark, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        if mark:
            table = "\n".join(rows)
            PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
