"""A model as one Python file that needs NumPy alone.

The file contains the weights as text, the preparation, one line for each operation, and example rows with
their outputs, which it compares when it is loaded. ``predict`` takes what ``model.predict`` takes: arrays by
name, or the columns of a table; as a program it reads a CSV file.
"""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import FileError
from chainrule.interop.export.column_encodings import columns_of
from chainrule.interop.export.example_rows import ExampleRows, cell_text
from chainrule.interop.export.formats import TOLERANCE, Draft
from chainrule.interop.export.numpy_operations import FUNCTIONS, NEEDS, OPERATIONS
from chainrule.interop.export.numpy_preparation import ENCODE
from chainrule.interop.export.numpy_program import NumpyProgram
from chainrule.interop.export.served_predictions import served_predictions

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

TIMEOUT = 600  # seconds of the comparison
_WIDTH = 100  # characters of a line of weights


def draft(model: ModelState, where: str, rows: ExampleRows) -> Draft:
    """Return a trained model as a Python file that is not written yet.

    Args:
        model: with parameters.
        where: the path of the file.
        rows: example rows with the outputs of the model.

    Raises:
        FileError E462: an operation or a column that cannot be written.
    """
    content = _program(model, Path(where).name, rows).encode()
    return Draft(content, lambda: _outputs(content, where), f"NumPy {np.__version__}")


def _outputs(content: bytes, where: str) -> Mapping[str, np.ndarray]:
    """Run the file in a process of its own and return the outputs for its example rows.

    Raises:
        FileError E463: the program fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.py"
        file.write_bytes(content)
        command = [sys.executable, "-I", str(file), "--outputs"]
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        raise FileError("E463", where=where, program="NumPy", received=done.stderr.decode()[-300:])
    with np.load(io.BytesIO(base64.b64decode(done.stdout)), allow_pickle=False) as arrays:
        return dict(arrays)


def _program(model: ModelState, name: str, rows: ExampleRows) -> str:
    network = model.network
    assert network is not None
    program = NumpyProgram(model.arrays, OPERATIONS)
    inputs = {key: f"inputs[{key!r}]" for key in network.inference.inputs}
    variables = {key: f"x{i}" for i, key in enumerate(inputs)}
    for key, node in network.inference.inputs.items():
        program.add_input(variables[key], node)
    predicted = served_predictions(model)
    program.write(predicted.values())
    lines = [f"{variables[key]} = {expression}" for key, expression in inputs.items()] + program.lines
    lines += _output_lines(model, {key: program.name(node) for key, node in predicted.items()})
    return _TEMPLATE.format(
        name=re.sub(r"[^\w.-]", "_", name),
        inputs="the columns of a table" if model.preparation else f"arrays: {', '.join(inputs)}",
        functions="\n".join(FUNCTIONS[f] for f in with_needs(program.functions)),
        encode=_encode_lines(model),
        network=textwrap.indent("\n".join(lines), "    "),
        dtypes={key: spec.dtype for key, spec in network.inputs.items()},
        weights=stored(program.constants),
        rows=_stored_rows(model, rows),
        expected=stored(rows.outputs),
        tolerance=TOLERANCE,
    )


def with_needs(functions: Collection[str]) -> list[str]:
    """Return functions with those that they call."""
    return [f for f in FUNCTIONS if f in functions or any(NEEDS.get(g) == f for g in functions)]


def _encode_lines(model: ModelState) -> str:
    """Return the preparation, or the conversion of arrays."""
    assert model.network is not None
    if model.preparation is None:
        return _ARRAYS
    columns = "".join(f"    {column!r},\n" for column in columns_of(model.preparation))
    (name,) = model.network.inputs
    return f"{ENCODE}\nCOLUMNS = [\n{columns}]\n{_TABLE.format(name=name)}"


def _output_lines(model: ModelState, predicted: Mapping[str, str]) -> list[str]:
    """Return the lines from probabilities or values to what users see."""
    lines = ["result = {}"]
    for name, target in model.targets.items():
        prefix = "" if len(model.targets) == 1 else f"{name}."
        value = predicted[f"prediction.{name}"]
        if target.is_classes:
            labels = list(target.labels or range(target.max_classes))
            if target.max_classes != target.scores:
                lines.append(f"p = {value}.reshape(-1, 1)")
                value = "np.concatenate([1 - p, p], axis=1)"
            lines.append(f"p = ({value})[..., :{len(labels)}]")
            lines.append(f"result[{prefix + 'label'!r}] = np.array({labels!r})[p.argmax(-1)]")
            lines.append(f"result[{prefix + 'probabilities'!r}] = p")
        elif target.loss.task == "classification":
            lines.append(f"result[{prefix + 'label'!r}] = ({value} > 0.5).astype(np.int64)")
            lines.append(f"result[{prefix + 'probabilities'!r}] = {value}")
        else:
            lines.append(f"y = {value}")
            lines.append("y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y")
            if model.preparation is not None and model.preparation.task == "regression":
                mean, std = model.preparation.target_mean, model.preparation.target_std
                lines.append(f"y = y.astype(np.float64) * {std!r} + {mean!r}")
            lines.append(f"result[{prefix + 'value'!r}] = y")
    return [*lines, "return result"]


def stored(arrays: Mapping[str, np.ndarray]) -> str:
    """Return arrays as lines of text: an .npz file in base64."""
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **plain)
    text = base64.b64encode(stream.getvalue()).decode()
    return "\n".join(text[i : i + _WIDTH] for i in range(0, len(text), _WIDTH))


def _stored_rows(model: ModelState, rows: ExampleRows) -> str:
    """Return the example rows as an expression."""
    if model.preparation is None or model.preparation.takes_images:
        return f'load("""\n{stored(rows.columns or rows.arrays)}\n""")'
    cells: dict[str, Any] = {
        e.column: [None if cell is None else cell_text(e, cell) for cell in rows.columns[e.column]]
        for e in model.preparation.encodings
    }
    return f"json.loads({json.dumps(cells)!r})"


_ARRAYS = '''
def encode(table):
    """The arrays of the network by name; one array is the only input."""
    if not isinstance(table, dict):
        table = dict.fromkeys(DTYPES, table)
    return {name: np.asarray(table[name], dtype) for name, dtype in DTYPES.items()}
'''
_TABLE = '''

_columns = encode


def encode(table):
    """The input of the network; a list of dicts, one for each row, is a table too."""
    if isinstance(table, list):
        table = {{column["name"]: [row[column["name"]] for row in table] for column in COLUMNS}}
    return {{{name!r}: _columns(table)}}
'''
_TEMPLATE = '''"""{name}: a trained network, written by chainrule. It needs NumPy alone.

    import {name}                 # without the suffix
    predict(inputs)               # inputs: {inputs}

    python {name} rows.csv        prints the predictions of a table

On loading, the outputs of example rows are compared with those of the model.
"""

import base64
import csv
import io
import itertools
import json
import math
import re
import sys
import unicodedata

import numpy as np

DTYPES = {dtypes}


def load(text):
    """The arrays of an .npz file in base64."""
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
        return dict(arrays)

{functions}
{encode}

def predict(table):
    """Return the outputs by name for rows."""
    with np.errstate(all="ignore"):
        return network(encode(table))


def network(inputs):
    """Return the outputs of the network."""
{network}


def is_tie(name, labels):
    """Whether the two most probable classes of a label are equally likely within the tolerance."""
    p = EXPECTED[name.removesuffix("label") + "probabilities"]
    if p.ndim == labels.ndim:  # the probability of yes
        return np.abs(p - 0.5) <= {tolerance}
    top = np.sort(p, axis=-1)[..., -2:]
    return top[..., 1] - top[..., 0] <= {tolerance}


def check():
    """Compare the outputs of the example rows with those of the model; return their number."""
    outputs = predict(ROWS)
    for name, expected in EXPECTED.items():
        if expected.dtype.kind == "f":
            scale = max(1.0, float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)))
            is_equal = np.abs(outputs[name] - expected).max(initial=0.0) <= {tolerance} * scale
        else:
            is_equal = not (outputs[name] != expected)[~is_tie(name, expected)].any()
        if not is_equal:
            raise RuntimeError(f"{{name}} of the example rows differs from that of the model")
    return len(expected)


def main(words):
    """Print the predictions of a CSV file."""
    if words[:1] == ["--outputs"]:
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **predict(ROWS))
        print(base64.b64encode(stream.getvalue()).decode())
        return
    print(f"{{check()}} example rows: the outputs are those of the model", file=sys.stderr)
    if words:
        with open(words[0], encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        outputs = predict(rows)
        writer = csv.writer(sys.stdout)
        names = [name for name in outputs if outputs[name].ndim == 1]
        writer.writerow(names)
        writer.writerows(zip(*(outputs[name].tolist() for name in names)))


W = load("""
{weights}
""")
ROWS = {rows}
EXPECTED = load("""
{expected}
""")
if __name__ == "__main__":
    main(sys.argv[1:])
else:
    check()
'''
