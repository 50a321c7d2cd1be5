"""A network as a PyTorch program: a class with PyTorch's modules, and its weights beside it.

The file has a class ``Network`` whose ``state_dict`` has the names of ``model.to_torch_state_dict()``, and
the rows with outputs with which it is compared when it is run. The weights are in a safetensors file of the
same name, which ten lines read.
"""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from chainrule.engines import compile as compile_graph
from chainrule.errors import FileError
from chainrule.graph import Graph
from chainrule.interop.export.example_rows import ExampleRows
from chainrule.interop.export.formats import TOLERANCE, Draft
from chainrule.interop.export.numpy_file import stored
from chainrule.interop.export.torch_modules import module_calls
from chainrule.interop.export.torch_operations import FUNCTIONS, OPERATIONS
from chainrule.interop.export.torch_program import TorchProgram, attribute
from chainrule.interop.torch.state_dict import forms_of, names_in_torch, torch_state
from chainrule.optional_dependency import missing

if TYPE_CHECKING:
    from chainrule.nn.build import Built
    from chainrule.train.model_state import ModelState

TIMEOUT = 600  # seconds of the comparison


def draft(model: ModelState, where: str, rows: ExampleRows) -> Draft:
    """Return a trained network as a PyTorch program that is not written yet; the preparation is not in it.

    Args:
        model: with parameters.
        where: the path of the file.
        rows: example rows with the outputs of the model.

    Raises:
        FileError E462: an operation that cannot be written.
    """
    assert model.network is not None
    built = model.network.inference
    expected = raw_outputs(built, model.arrays, rows.arrays)
    weights = save(torch_state(built, model.arrays), {"writer": "chainrule"})
    content = program(built, model.arrays, rows.arrays, expected, Path(where).name).encode()
    return Draft(
        content, lambda: run(content, weights, where), "PyTorch", {".safetensors": weights}, expected=expected
    )


def raw_outputs(
    built: Built, arrays: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the outputs of a network for arrays by name."""
    values = compile_graph(Graph(dict(built.outputs)), "reference").run({**arrays, **inputs})
    return {name: np.asarray(values[name]) for name in built.outputs}


def run(content: bytes, weights: bytes, where: str) -> Mapping[str, np.ndarray]:
    """Run a program in a process of its own and return the outputs for its example rows.

    Raises:
        FileError E463: the program fails. DataError E350: PyTorch is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model_torch.py"
        file.write_bytes(content)
        file.with_suffix(".safetensors").write_bytes(weights)
        command = [sys.executable, "-I", str(file), "--outputs"]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    if b"No module named 'torch'" in done.stderr:
        raise missing("torch", where)
    if done.returncode:
        raise FileError("E463", where=where, program="PyTorch", received=done.stderr.decode()[-300:])
    with np.load(io.BytesIO(base64.b64decode(done.stdout)), allow_pickle=False) as outputs:
        return dict(outputs)


def program(
    built: Built,
    arrays: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    name: str,
) -> str:
    """Return the text of a program.

    Args:
        built: the network in inference.
        arrays: its parameters and states by path.
        inputs, expected: example rows, and the outputs of the network for them.
        name: of the file.

    Raises:
        FileError E462: an operation that cannot be written.
    """
    forms = forms_of(built)
    lines = TorchProgram(arrays, OPERATIONS, forms=forms, calls=module_calls(built, forms))
    variables = {key: _variable(key) for key in built.inputs}
    for key, node in built.inputs.items():
        lines.add_input(variables[key], node)
    lines.write(built.outputs.values())
    results = [lines.tensor(node) for node in built.outputs.values()]
    names = list(built.outputs)
    entries = ", ".join(f"{n!r}: {r}" for n, r in zip(names, results, strict=True))
    result = results[0] if len(results) == 1 else f"{{{entries}}}"
    body = [*lines.lines, f"return {result}"]
    buffers = {name for path in built.states for name in names_in_torch(forms[path])}
    return _TEMPLATE.format(
        name=re.sub(r"[^\w.-]", "_", name),
        stem=re.sub(r"\W", "_", Path(name).stem),
        arguments=", ".join(variables.values()),
        shapes="\n".join(_shapes(built)),
        functions="\n".join(FUNCTIONS[f] for f in FUNCTIONS if f in lines.functions),
        parts=textwrap.indent("\n".join(_parts(lines, torch_state(built, arrays), buffers)), "        "),
        body=textwrap.indent("\n".join(body), "        "),
        constants=stored(lines.constants),
        rows=stored({variables[key]: array for key, array in inputs.items()}),
        expected=stored(expected),
        outputs=names,
        tolerance=TOLERANCE,
    )


def _variable(name: str) -> str:
    text = re.sub(r"\W", "_", name)
    return text if text.isidentifier() and text not in ("self", "torch", "nn", "F", "math") else f"_{text}"


def _shapes(built: Built) -> Iterator[str]:
    for values, word in ((built.inputs, "input"), (built.outputs, "output")):
        for name, node in values.items():
            yield f"    {word} {name}: {node.dtype} ({', '.join(map(str, node.shape))})"


def _parts(lines: TorchProgram, state: Mapping[str, np.ndarray], states: Collection[str]) -> Iterator[str]:
    """Yield the lines that create the modules, the parameters of no module, and the constants."""
    modules = {path: text for path, text in lines.modules.items() if path}
    loose = [name for name in state if not any(name.startswith(f"{path}.") for path in modules)]
    containers: set[str] = set()
    for path in [*modules, *loose]:
        above = path.split(".")[:-1]
        for i in range(1, len(above) + 1):
            container = ".".join(above[:i])
            if container not in containers:
                containers.add(container)
                yield f"{attribute(container)} = nn.Module()"
        if path in modules:
            containers.add(path)
            yield f"{attribute(path)} = {modules[path]}"
        else:
            shape = tuple(state[path].shape)
            holder = ".".join(above)
            is_buffer = state[path].dtype.kind != "f" or path in states
            zeros = f"torch.zeros({shape}, dtype=torch.{state[path].dtype.name})"
            owner = attribute(holder) if holder else "self"
            leaf = path.rpartition(".")[2]
            yield (
                f'{owner}.register_buffer("{leaf}", {zeros})'
                if is_buffer
                else f"{owner}.{leaf} = nn.Parameter({zeros})"
            )
    for name in lines.constants:
        yield f'self.register_buffer("{name}", constants["{name}"], persistent=False)'


_TEMPLATE = '''"""{name}: a trained network in PyTorch, written by chainrule.

    from {stem} import load
    network = load()          # a torch.nn.Module with the weights of {stem}.safetensors
    network({arguments})

{shapes}

As a program it compares the outputs of example rows with those of the model.
"""

import base64
import io
import itertools
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

WEIGHTS = pathlib.Path(__file__).with_suffix(".safetensors")
OUTPUTS = {outputs}


def arrays(text):
    """The tensors of an .npz file in base64."""
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as stored:
        return {{name: torch.from_numpy(array.copy()) for name, array in stored.items()}}

{functions}

class Network(nn.Module):
    """The network, in the mode of inference: dropout is left out."""

    def __init__(self):
        super().__init__()
        constants = arrays(CONSTANTS)
{parts}

    def forward(self, {arguments}):
{body}


def state_dict(file=WEIGHTS):
    """The weights by name, from a safetensors file."""
    data = pathlib.Path(file).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    kinds = {{"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64}}
    tensors = {{}}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = np.frombuffer(body[begin:end], kinds[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


def load(file=WEIGHTS):
    """The network with its weights, for inference."""
    network = Network()
    network.load_state_dict(state_dict(file))
    return network.eval()


@torch.no_grad()
def outputs():
    """The outputs for the example rows, by name."""
    result = load()(**arrays(ROWS))
    return result if isinstance(result, dict) else dict(zip(OUTPUTS, [result]))


def check():
    """Compare the outputs of the example rows with those of the model; return their number."""
    received, count = outputs(), 0
    for name, expected in arrays(EXPECTED).items():
        count = len(expected)
        values = expected.double()
        limit = {tolerance} * max([1.0, *values.nan_to_num(0, 0, 0).abs().flatten().tolist()])
        if not torch.allclose(received[name].double(), values, rtol=0, atol=limit, equal_nan=True):
            raise RuntimeError(f"{{name}} of the example rows differs from that of the model")
    return count


CONSTANTS = """
{constants}
"""
ROWS = """
{rows}
"""
EXPECTED = """
{expected}
"""
if __name__ == "__main__":
    if sys.argv[1:] == ["--outputs"]:
        stream = io.BytesIO()
        np.savez(stream, **{{name: value.numpy() for name, value in outputs().items()}})
        print(base64.b64encode(stream.getvalue()).decode())
    else:
        print(f"{{check()}} example rows: the outputs are those of the model")
'''
