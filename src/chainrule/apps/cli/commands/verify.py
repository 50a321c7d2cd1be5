"""``chainrule verify``: prove a property of a network of an ONNX file, or find a counterexample.

Exit codes: 0 the property holds; 3 it is violated; 4 unknown within the time; 5 the assertions contradict one
another, so that the property is about no input; 1 and 2 as for all commands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import typer

from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.texts import text_of
from chainrule.bounds.counterexample import Counterexample
from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import verify as verify_property
from chainrule.bounds.verified_network import Subject
from chainrule.errors import FileError, fact
from chainrule.interop.onnx import read_onnx
from chainrule.interop.vnnlib import read_vnnlib
from chainrule.page import screen
from chainrule.settings import planning_cores
from chainrule.store import atomic_write
from chainrule.validation import out_of_range

EXIT = {"holds": 0, "violated": 3, "unknown": 4, "empty": 5}
SHOWN = 20
LARGEST = 2**26  # coefficients of all values, for all conditions of a case


def verify(
    network: Annotated[str, typer.Argument(help="=verify_network", metavar="NET.onnx")],
    requirement: Annotated[str, typer.Argument(help="=verify_property", metavar="PROP.vnnlib")],
    *,
    timeout: Annotated[float, typer.Option(help="=verify_timeout", metavar="SECONDS")] = 60.0,
    out: Annotated[str | None, output_file("=verify_out")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """Print whether a property holds, is violated (with the counterexample), or neither could be shown."""
    if not (math.isfinite(timeout) and timeout > 0):
        raise out_of_range(timeout, "--timeout", "--timeout", fact("seconds above 0"), fix="--timeout 60")
    imported = read_onnx(network)
    subject = Subject(imported.output, imported.arrays)
    inputs = math.prod(imported.input_shape)
    statement = read_vnnlib(requirement, inputs, subject.outputs)
    cases = statement.cases
    if not cases:
        return _empty(statement.contradiction)
    _require_memory(subject, cases, requirement)
    verdict = verify_property(subject, cases, timeout, workers=planning_cores())
    screen.line(verdict.status, "bold")
    screen.line(text_of(f"verify_{verdict.status}"))
    if verdict.counterexample is not None:
        _show(verdict.counterexample)
        if out is not None:
            atomic_write.write(out, _as_smt(verdict.counterexample).encode())
    counts = {"boxes": verdict.boxes, "seconds": verdict.seconds, "inputs": inputs, "cases": len(cases)}
    screen.line(text_of("verify_counts").format(outputs=subject.outputs, **counts))
    return EXIT[verdict.status]


def _empty(contradiction: str) -> int:
    """Print that no input satisfies all assertions."""
    screen.line("empty", "bold")
    screen.line(text_of("verify_empty"))
    if contradiction:
        screen.line(text_of("verify_contradiction").format(bounds=contradiction))
    return EXIT["empty"]


def _require_memory(subject: Subject, cases: Sequence[Case], where: str) -> None:
    """Refuse more conditions on the outputs than fit into memory, each with a coefficient for every value."""
    conditions = max(len(case.limits) for case in cases)
    limit = max(LARGEST // subject.numbers, 1)
    if conditions > limit:
        expected = fact("at most {limit:,} conditions in a case", limit=limit)
        raise FileError("E460", where=where, expected=expected, received=f"{conditions:,}")


def _show(counterexample: Counterexample) -> None:
    """Print the first inputs and outputs of a counterexample."""
    rows = [
        (f"{kind}_{i}", repr(float(value)))
        for kind, values in (("X", counterexample.x), ("Y", counterexample.y))
        for i, value in enumerate(values[:SHOWN])
    ]
    screen.table([text_of("verify_variable"), text_of("verify_value")], rows, numbers=[1])
    if max(len(counterexample.x), len(counterexample.y)) > SHOWN:
        screen.line(text_of("verify_more").format(count=SHOWN))


def _as_smt(counterexample: Counterexample) -> str:
    """Return a counterexample in the format of the verification competition (VNN-COMP)."""

    def pairs(kind: str, values: Sequence[float] | np.ndarray) -> list[str]:
        return [f"({kind}_{i} {np.format_float_positional(v, trim='0')})" for i, v in enumerate(values)]

    return "sat\n(" + "\n ".join([*pairs("X", counterexample.x), *pairs("Y", counterexample.y)]) + ")\n"
