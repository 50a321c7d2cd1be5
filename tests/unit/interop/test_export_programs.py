"""Each operation and each layer in NumPy, C and JavaScript, compared with the reference values."""

from __future__ import annotations

import ctypes
import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from chainrule.engines import compile
from chainrule.graph import Graph, Node, input_node, make
from chainrule.interop.export import numpy_operations
from chainrule.interop.export.c_constants_and_memory import INCLUDES, constants, memory
from chainrule.interop.export.c_file import FLAGS
from chainrule.interop.export.dialects import C, JavaScript
from chainrule.interop.export.html_file import node_program, resource
from chainrule.interop.export.loop_operations import OPERATIONS
from chainrule.interop.export.loop_program import SAME, LoopProgram
from chainrule.interop.export.numpy_file import with_needs
from chainrule.interop.export.numpy_operations import FUNCTIONS
from chainrule.interop.export.numpy_program import NumpyProgram
from chainrule.interop.export.script_source import Weights
from chainrule.interop.export.script_source import constants as constants_of_script
from chainrule.interop.export.script_source import memory as memory_of_script
from chainrule.nn.build import build
from chainrule.ops import CARDS
from chainrule.ops.operation_card import Sample
from layer_cases import CASES, ready

WITHOUT = {"convolution_weight", "normal", "uniform"}  # of gradients and of random values
CLOSE = {"float32": 2e-5, "float64": 1e-10}
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


class Trial(NamedTuple):
    """A graph with values.

    Args:
        name: for messages.
        inputs, outputs: nodes by name.
        values: the inputs.
        parameters: arrays by path.
        expected: the outputs.
    """

    name: str
    inputs: Mapping[str, Node]
    outputs: Sequence[Node]
    values: Sequence[np.ndarray]
    parameters: Mapping[str, np.ndarray]
    expected: Sequence[np.ndarray]


def of_operations() -> list[Trial]:
    """The samples of all operations; the step of a loop has its own dtype."""
    samples = [
        (f"{card.name} {i}", sample, dtype)
        for card in CARDS
        if card.name not in WITHOUT
        for i, sample in enumerate(card.samples())
        if not sample.breaks
        for dtype in (("float64",) if card.name == "scan" else ("float64", "float32"))
    ]
    return [of_operation(f"{name} {dtype}", sample, dtype) for name, sample, dtype in samples]


def of_operation(name: str, sample: Sample, dtype: str) -> Trial:
    """A sample of an operation in a dtype."""
    values = [a.astype(dtype) if a.dtype == np.float64 else a for a in sample.inputs]
    inputs = {f"i{k}": input_node(f"i{k}", a.shape, a.dtype.name) for k, a in enumerate(values)}
    operation = sample.concrete()
    with np.errstate(all="ignore"):
        expected = np.asarray(operation.evaluate(*values))
    return Trial(name, inputs, [make(operation, *inputs.values())], values, {}, [expected])


def of_layers(rows: int | None) -> list[Trial]:
    """The cases of all layers in float32, for the first rows."""
    trials = []
    for name, case in CASES.items():
        values = ready(case, dtype="float32").arrays
        built = build(case.net, case.specs("float32"), "float32")
        inputs = {key: values[key][:rows] for key in built.inputs}
        parameters = {key: array for key, array in values.items() if key not in inputs}
        expected = compile(Graph(built.outputs), "reference").run({**parameters, **inputs})
        trials.append(
            Trial(
                name,
                built.inputs,
                list(built.outputs.values()),
                list(inputs.values()),
                parameters,
                [expected[key] for key in built.outputs],
            )
        )
    return trials


def differing(trial: Trial, outputs: Sequence[np.ndarray]) -> str:
    """The difference of the outputs from the expected ones; "" if there is none."""
    for value, expected in zip(outputs, trial.expected, strict=True):
        output = np.asarray(value)
        try:
            assert output.shape == expected.shape
            assert output.dtype == expected.dtype
            close = CLOSE.get(expected.dtype.name, 0.0)
            np.testing.assert_allclose(output, expected, close, close)
        except AssertionError as error:
            return f"{trial.name}: {error}"
    return ""


def test_every_operation_is_written_except_gradients_and_random_values() -> None:
    names = {card.name for card in CARDS} - WITHOUT
    assert names == numpy_operations.OPERATIONS.keys()
    assert names == OPERATIONS.keys() | set(SAME)


@pytest.mark.parametrize("trials", [of_operations, lambda: of_layers(None)], ids=["operations", "layers"])
def test_numpy_lines_have_the_values(trials: Any) -> None:
    differences = []
    for trial in trials():
        program = NumpyProgram(trial.parameters, numpy_operations.OPERATIONS)
        for name, node in trial.inputs.items():
            program.add_input(name, node)
        program.write(trial.outputs)
        names = ", ".join(map(program.name, trial.outputs))
        source = "".join(FUNCTIONS[name] for name in with_needs(program.functions))
        body = "".join(f"    {line}\n" for line in program.lines)
        source += f"def run({', '.join(trial.inputs)}):\n{body}    return [{names}]\n"
        scope: dict[str, Any] = {
            "np": np,
            "math": math,
            "itertools": __import__("itertools"),
            "W": program.constants,
        }
        exec(source, scope)
        with np.errstate(all="ignore"):
            differences.append(differing(trial, scope["run"](*trial.values)))
    assert len(differences) > 200
    assert [text for text in differences if text] == []


def function(trial: Trial, name: str) -> str:
    """A function in C from pointers to inputs and outputs."""
    program = LoopProgram(trial.parameters, OPERATIONS, name)
    arguments = []
    for i, node in enumerate(trial.inputs.values()):
        program.names[node] = f"in{i}"
        arguments.append(f"const {C.types[node.dtype]} *in{i}")
    program.write(trial.outputs)
    for i, (node, expected) in enumerate(zip(trial.outputs, trial.expected, strict=True)):
        arguments.append(f"{C.types[node.dtype]} *out{i}")
        program.lines.append(
            f"    for (int k = 0; k < {expected.size}; k++) out{i}[k] = {program.value(node)}[k];"
        )
    head = f"int {name}({', '.join(arguments)})"
    body = "\n".join(program.lines)
    return f"{memory(program)}{constants(program)}{head};\n{head} {{\n{body}\n    return 0;\n}}\n"


def of_loops() -> list[Trial]:
    """The trials for one row; loops have no arrays without elements."""
    return [t for t in (*of_operations(), *of_layers(1)) if all(a.size for a in (*t.values, *t.expected))]


@pytest.mark.long
def test_c_loops_have_the_values(tmp_path: Path) -> None:
    trials = of_loops()
    source = tmp_path / "all.c"
    source.write_text(INCLUDES + "".join(function(trial, f"f{i}") for i, trial in enumerate(trials)))
    command = ["cc", *FLAGS, "-O1", "-Wno-unused-parameter", "-shared", "-fPIC"]
    done = subprocess.run(
        [*command, "-o", tmp_path / "all.so", source, "-lm"], capture_output=True, check=False
    )
    assert done.stderr.decode() == ""
    library = ctypes.CDLL(str(tmp_path / "all.so"))
    differences = []
    for i, trial in enumerate(trials):
        outputs = [np.zeros(expected.shape, expected.dtype) for expected in trial.expected]
        arrays = [np.require(array, requirements="C") for array in (*trial.values, *outputs)]
        assert library[f"f{i}"](*(ctypes.c_void_p(array.ctypes.data) for array in arrays)) == 0
        differences.append(differing(trial, arrays[len(trial.values) :]))
    assert len(differences) > 700
    assert [text for text in differences if text] == []


def script(trial: Trial, name: str, weights: Weights) -> str:
    """A block in JavaScript that prints the outputs."""
    program = LoopProgram(trial.parameters, OPERATIONS, name, JavaScript)
    for i, node in enumerate(trial.inputs.values()):
        program.names[node] = f"inputs[{i}]"
    program.write(trial.outputs)
    inputs = ", ".join(map(weights.add, trial.values))
    values = ", ".join(f"...{program.value(node)}" for node in trial.outputs)
    program.line(f"console.log([{values}].map(Number).join(' '));")
    head = f"{constants_of_script(program, weights)}{memory_of_script(program)}const inputs = [{inputs}];\n"
    body = "\n".join(program.lines)
    return f"(() => {{\n{head}{body}\n}})();\n"


@pytest.mark.long
def test_javascript_loops_have_the_values(tmp_path: Path) -> None:
    node = node_program()
    if node is None:
        pytest.skip("Node.js is not installed")
    trials, weights = of_loops(), Weights()
    blocks = [script(trial, f"f{i}", weights) for i, trial in enumerate(trials)]
    data = {"data": "{}", "weights": weights.text()}
    head = f"globalThis.part = name => ({json.dumps(data)})[name];\n"
    file = tmp_path / "all.js"
    file.write_text(head + resource("model.js") + "".join(blocks))
    done = subprocess.run([node, file], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    differences = []
    for trial, line in zip(trials, done.stdout.splitlines(), strict=True):
        numbers = np.array([float(word) for word in line.split()])
        ends = np.cumsum([expected.size for expected in trial.expected])
        parts = np.split(numbers, ends[:-1])
        outputs = [
            part.astype(expected.dtype).reshape(expected.shape)
            for part, expected in zip(parts, trial.expected, strict=True)
        ]
        differences.append(differing(trial, outputs))
    assert len(differences) > 700
    assert [text for text in differences if text] == []
