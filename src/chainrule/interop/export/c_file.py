"""A model as C99 for one row at a time: no allocation, no library but ``math.h`` and ``string.h``.

``model.c`` and ``model.h`` define ``model_predict(const model_input *, model_output *)``, named after the
file. Compiled with ``-DMODEL_TEST`` the file is a program that compares example rows with the outputs of the
model.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.interop.export.c_constants_and_memory import (
    constant,
    constants,
    int8_of,
    is_stored_int8,
    memory,
    text,
    used_constants,
    with_factors,
    wrapped,
)
from chainrule.interop.export.c_preparation import HELPERS, CPreparation, comment, field_names
from chainrule.interop.export.dialects import C
from chainrule.interop.export.example_rows import ExampleRows
from chainrule.interop.export.formats import TOLERANCE, Draft
from chainrule.interop.export.loop_operations import OPERATIONS
from chainrule.interop.export.loop_program import LoopProgram
from chainrule.interop.export.outputs import Output, outputs_of_network, printed_outputs
from chainrule.validation import boolean

if TYPE_CHECKING:
    from chainrule.graph import Node
    from chainrule.train.model_state import ModelState

FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
INT8 = 0.03  # the tolerance of weights in 8 bits
TIMEOUT = 600  # seconds of a compilation, and of the comparison


def draft(model: ModelState, where: str, rows: ExampleRows, *, int8: bool = False) -> Draft:
    """Return a trained model as C files that are not written yet.

    Args:
        model: with parameters.
        where: the path of the file with the suffix ``.c``; a header is written beside it.
        rows: example rows with the outputs of the model.
        int8: whether weights are stored in 8 bits; the outputs then differ by at most ``INT8``.

    Raises:
        FileError: E462 an operation, a column or a length that cannot be written; E464 no C compiler.
    """
    compiler = os.environ.get("CC") or next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        fix = fact("install gcc or clang, or set the environment variable CC")
        raise FileError("E464", where=where, program="cc", expected=fact("a C compiler"), fix=fix)
    source = _Source(model, Path(where).stem, rows, boolean(int8, "int8", "export"))
    files = {".h": source.header().encode()}
    content = source.text().encode()
    return Draft(
        content,
        lambda: _outputs(source, content, files, compiler, where),
        Path(compiler).name,
        files,
        INT8 if source.is_int8 else None,
    )


def _outputs(
    source: _Source, content: bytes, files: Mapping[str, bytes], compiler: str, where: str
) -> Mapping[str, np.ndarray]:
    """Compile and run the file; return the outputs of its example rows.

    Raises:
        FileError E463: it cannot be compiled, or fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / source.name
        base.with_suffix(".c").write_bytes(content)
        for suffix, data in files.items():
            base.with_suffix(suffix).write_bytes(data)
        program = str(base.with_suffix(".exe"))
        for command in (
            [compiler, *FLAGS, f"-D{source.macro}_TEST", "-o", program, str(base.with_suffix(".c")), "-lm"],
            [program, "--outputs"],
        ):
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
            if done.returncode:
                received = done.stderr.decode(errors="replace")[:300] or f"exit {done.returncode}"
                raise FileError("E463", where=where, program=Path(compiler).name, received=received)
    words = done.stdout.decode().split()
    return printed_outputs([output.output for output in source.outputs], words, source.rows.count)


class _Source:
    """The text of the files.

    Args:
        model: with parameters.
        stem: the name of the file without suffix.
        rows: example rows.
        is_int8: whether weights are stored in 8 bits.
    """

    def __init__(self, model: ModelState, stem: str, rows: ExampleRows, is_int8: bool) -> None:
        self.is_int8, self.tolerance = is_int8, INT8 if is_int8 else TOLERANCE
        name = re.sub(r"\W+", "_", stem, flags=re.ASCII)
        self.name = name if re.match("[A-Za-z]", name) else f"model_{name}"
        self.macro, self.model, self.rows = self.name.upper(), model, rows
        assert model.network is not None
        self.program = LoopProgram(model.arrays, OPERATIONS, self.name)
        self.inputs: dict[str, Node] = dict(model.network.inference.inputs)
        self.fields = dict(zip(self.inputs, field_names(list(self.inputs)), strict=True))
        self.preparation = None
        if model.preparation is not None:
            self.preparation = CPreparation(model.preparation, self.name)
        for key, node in self.inputs.items():
            self.program.names[node] = "features" if self.preparation else f"input->{self.fields[key]}"
        self.outputs = [_Output(output) for output in outputs_of_network(model, self.program)]

    def header(self) -> str:
        """Return the header."""
        if self.preparation is not None:
            fields = self.preparation.struct()
        else:
            fields = "\n".join(
                f"    {C.types[node.dtype]} {self.fields[key]}[{math.prod(self.program.shape(node))}]; "
                f"/* {comment(key)}: {self.program.shape(node)[1:]} */"
                for key, node in self.inputs.items()
            )
        outputs = "\n".join(line for output in self.outputs for line in output.fields())
        labels = "".join(output.declaration(self.name) for output in self.outputs)
        return _HEADER.format(name=self.name, macro=self.macro, fields=fields, outputs=outputs, labels=labels)

    def text(self) -> str:
        """Return the source file."""
        helpers, encode, levels = "", "", ""
        if self.preparation is not None:
            helpers = "".join(HELPERS[name] for name in HELPERS if name in self.preparation.helpers)
            levels = self.preparation.constants
            encode = _ENCODE.format(
                name=self.name, size=self.preparation.size, lines="\n".join(self.preparation.lines)
            )
        call = "    static float features[{0}];\n    {1}_encode(input, features);\n"
        outputs = [line for output in self.outputs for line in output.lines()]
        used, size = self._sizes(outputs)
        lines, names = self.program.lines, self._int8_names(outputs)
        return _SOURCE.format(
            name=self.name,
            macro=self.macro,
            weights=f"{used:,}",
            memory=f"{size:,}",
            constants=levels + constants(self.program, outputs, self.is_int8),
            statics=memory(self.program),
            helpers=helpers,
            labels="".join(output.definition(self.name) for output in self.outputs),
            encode=encode,
            call=call.format(self.preparation.size, self.name) if self.preparation else "",
            lines="\n".join(with_factors(lines, names)),
            outputs="\n".join(with_factors(outputs, names)),
            test=self._test(used, size),
        )

    def _int8_names(self, lines: Sequence[str]) -> list[str]:
        """Return the names of the constants that are stored in 8 bits."""
        used = used_constants(self.program, lines).items() if self.is_int8 else ()
        return [name for name, array in used if is_stored_int8(array)]

    def _sizes(self, lines: Sequence[str]) -> tuple[int, int]:
        """Return the bytes of the constants and of the static memory."""
        names, size = set(self._int8_names(lines)), 0
        for name, array in used_constants(self.program, lines).items():
            size += sum(part.nbytes for part in int8_of(array)) if name in names else array.nbytes
        kinds = {kind: np.dtype(name).itemsize for name, kind in C.types.items()}
        return size, sum(count * kinds[kind] for kind, count in self.program.memory.sizes.items())

    def _test(self, constants_size: int, memory_size: int) -> str:
        """Return the program that compares the example rows."""
        count = self.rows.count
        if self.preparation is not None:
            rows = [self.preparation.row(self.rows.columns, row) for row in range(count)]
        else:
            rows = [
                "{"
                + ", ".join(f"{{\n{_numbers(self.rows.arrays[key][row])}\n}}" for key in self.inputs)
                + "}"
                for row in range(count)
            ]
        expected = "".join(
            constant(f"{self.name}_expected{i}", output.output.expected(self.rows.outputs))
            for i, output in enumerate(self.outputs)
        )
        checks = "\n".join(
            f"        difference({output.field}, {output.output.count}, "
            f"{self.name}_expected{i} + {output.output.count} * row, &largest);"
            for i, output in enumerate(self.outputs)
        )
        prints = "\n".join(line for output in self.outputs for line in output.prints())
        return _TEST.format(
            name=self.name,
            macro=self.macro,
            count=count,
            rows=",\n".join(rows),
            expected=expected,
            checks=checks,
            prints=prints,
            tolerance=self.tolerance,
            constants=constants_size,
            memory=memory_size,
            kind=self.outputs[0].kind,
        )


class _Output:
    """One output of a network in C."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.own = "" if output.is_only else f"{field_names([output.name])[0]}_"
        self.kind = C.types[output.dtype]
        self.field = f"output.{self.own}{'probabilities' if output.has_label else 'value'}"

    def fields(self) -> list[str]:
        """Return the fields of the output."""
        output = self.output
        if not output.has_label:
            return [f"    {self.kind} {self.own}value[{output.count}];"]
        return [
            f"    int {self.own}label[{output.labeled}]; /* index of the largest probability */",
            f"    {self.kind} {self.own}probabilities[{output.count}];",
        ]

    def declaration(self, name: str) -> str:
        """Return the declaration of the labels."""
        output = self.output
        return (
            f"extern const char *const {name}_{self.own}labels[{len(output.labels)}];\n"
            if output.labels
            else ""
        )

    def definition(self, name: str) -> str:
        """Return the definition of the labels."""
        output = self.output
        if not output.labels:
            return ""
        words = wrapped(text(str(label)) for label in output.labels)
        return f"const char *const {name}_{self.own}labels[{len(output.labels)}] = {{\n{words}\n}};\n"

    def lines(self) -> list[str]:
        """Return the statements that fill the fields."""
        output = self.output
        value, target = (
            output.value,
            f"output->{self.own}{'probabilities' if output.has_label else 'value'}",
        )
        if not output.has_label:
            cell = f"{value}[i]"
            if output.restore is not None:
                mean, std = output.restore
                cell = f"(double){cell} * {std!r} + {mean!r}"
            return [f"    for (int i = 0; i < {output.count}; i++) {target}[i] = {cell};"]
        if not output.is_classes:
            loop = f"    for (int i = 0; i < {output.count}; i++)"
            return [
                f"{loop} {target}[i] = {value}[i];",
                f"{loop} output->{self.own}label[i] = {value}[i] > 0.5f;",
            ]
        copies = (
            [f"        {target}[2 * i] = 1 - {value}[i];", f"        {target}[2 * i + 1] = {value}[i];"]
            if output.is_pair
            else [
                f"        for (int k = 0; k < {output.classes}; k++)",
                f"            {target}[{output.classes} * i + k] = {value}[{output.scores} * i + k];",
            ]
        )
        label, classes = f"output->{self.own}label[i]", output.classes
        return [
            f"    for (int i = 0; i < {output.labeled}; i++) {{",
            *copies,
            f"        {label} = 0;",
            f"        for (int k = 1; k < {classes}; k++)",
            f"            if ({target}[{classes} * i + k] > {target}[{classes} * i + {label}]) {label} = k;",
            "    }",
        ]

    def prints(self) -> list[str]:
        """Return the statements that print the fields."""
        output = self.output
        lines = []
        if output.has_label:
            lines.append(
                f"            for (int i = 0; i < {output.labeled}; i++) "
                f'printf("%d ", output.{self.own}label[i]);'
            )
        loop = f"for (int i = 0; i < {output.count}; i++)"
        return [*lines, f'            {loop} printf("%.17g ", (double){self.field}[i]);']


def _numbers(array: np.ndarray) -> str:
    return wrapped(C.literal(value, array.dtype.name) for value in array.reshape(-1).tolist())


_HEADER = """/* A trained network, written by chainrule. */
/* A trained network for one row at a time, written by chainrule; see {name}.c. */
#ifndef {macro}_H
#define {macro}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

typedef struct {{
{fields}
}} {name}_input;

typedef struct {{
{outputs}
}} {name}_output;

{labels}
/* Compute the outputs of one row; not reentrant. Returns 0, or 1 if an index is out of range. */
int {name}_predict(const {name}_input *input, {name}_output *output);

#ifdef __cplusplus
}}
#endif
#endif
"""
_ENCODE = """
static void {name}_encode(const {name}_input *input, float *features) {{
{lines}
}}
"""
_SOURCE = """/* A trained network for one row at a time, written by chainrule: C99, no allocation.

   constants: {weights} bytes
   memory:    {memory} bytes

   cc -std=c99 -O2 -c {name}.c
   cc -std=c99 -O2 -D{macro}_TEST -o test {name}.c -lm && ./test   compares example rows with the model
*/
#include "{name}.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

{constants}
{statics}
{labels}{helpers}{encode}
int {name}_predict(const {name}_input *input, {name}_output *output) {{
{call}{lines}
{outputs}
    return 0;
}}
{test}"""
_TEST = """
#ifdef {macro}_TEST
#include <stdio.h>

static const {name}_input {name}_rows[{count}] = {{
{rows}
}};
{expected}
static void difference(const {kind} *values, int count, const {kind} *expected, double *largest) {{
    double scale = 1, most = 0;
    for (int i = 0; i < count; i++) {{
        if (fabs((double)expected[i]) > scale) scale = fabs((double)expected[i]);
        const double distance = fabs((double)values[i] - (double)expected[i]);
        if (!(distance <= most)) most = distance;
    }}
    if (!(most / scale <= *largest)) *largest = most / scale;
}}

int main(int argc, char **argv) {{
    static {name}_output output;
    double largest = 0;
    for (int row = 0; row < {count}; row++) {{
        if ({name}_predict({name}_rows + row, &output)) return 1;
{checks}
        if (argc > 1 && !strcmp(argv[1], "--outputs")) {{
{prints}
        }}
    }}
    if (argc == 1) {{
        printf("{count} example rows: largest difference %.1e, tolerance {tolerance:.0e}\\n", largest);
        printf("constants: {constants} bytes, memory: {memory} bytes\\n");
    }}
    return largest <= {tolerance} ? 0 : 1;
}}
#endif
"""
