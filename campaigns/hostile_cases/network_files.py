"""Random ONNX networks and VNN-LIB properties, valid and mutated: read, compared and verified.

Three checks of a file, each in a child process with limits of time and memory:

- ``read_onnx`` returns a network or an error with a code. What the network computes for random inputs must be
  what ONNX Runtime computes, or ONNX Runtime refuses the file too. Where the results differ by more than a
  small relative error, both must be within certified bounds of the network with its rounding errors.
- ``read_vnnlib`` returns cases or an error with a code. The cases must contain exactly the points that
  satisfy the assertions, as computed by ``random_properties.violates``.
- ``chainrule verify`` ends with a verdict or an error with a code, in time. A counterexample must be one for
  ONNX Runtime too; where the property holds, no random input may violate it.

An event is anything else: a traceback, the end of the process, a hang, too much memory, another result.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import tempfile
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from campaigns.corpus_files import CORPUS
from campaigns.hostile_cases import forked, message_mutations, random_networks, random_properties
from campaigns.hostile_cases.section import Section
from google.protobuf.message import DecodeError

from chainrule.apps.cli.main import main as command
from chainrule.bounds.verified_network import Subject
from chainrule.errors import ChainruleError
from chainrule.interop.onnx import FeedForward, read_onnx
from chainrule.interop.vnnlib import read_vnnlib

NETWORKS = CORPUS / "networks"
SECONDS, MEGABYTES = 10.0, 600.0  # of one file
TIMEOUT = 0.5  # seconds of a verification
GROWING = 0.08  # share of networks whose values grow
NUMBERS = 20_000  # in all values of a network up to which bounds are computed
LARGEST = 100  # inputs or outputs of a network that is verified
ROWS = 3  # random inputs of a network
CLOSE = 2e-5  # relative difference of two results in float32 that needs no bounds
SMALL = 1e-35  # numbers that may be rounded to 0


class Case(NamedTuple):
    """A file and what it was created from.

    Args:
        title: the mutations.
        network: the bytes of the ONNX file.
        text: of the VNN-LIB file.
    """

    title: str
    network: bytes
    text: str = ""


class Result(NamedTuple):
    """What a check of a file returned.

    Args:
        outcome: the code and the fact of an error, or ``"read"``, or a verdict.
        fault: what is wrong; empty if nothing is.
        values: inputs, outputs, and lower and upper bounds of the outputs, if there are any.
    """

    outcome: str
    fault: str = ""
    values: tuple[np.ndarray, ...] = ()


def networks(seed: int, count: int, others: Sequence[bytes] = ()) -> list[Case]:
    """Random networks, two thirds of them mutated.

    Args:
        seed: of the generator.
        count: how many.
        others: further files, which are mutated as well.
    """
    draw, cases = random.Random(seed), []
    while len(cases) < count:
        model = onnx.ModelProto()
        if others and draw.random() < 0.4:
            with contextlib.suppress(
                DecodeError
            ):  # a damaged one: what was read before the damage is mutated
                model.ParseFromString(draw.choice(others))
        else:
            is_growing = draw.random() < GROWING
            model = (random_networks.growing_network if is_growing else random_networks.random_network)(draw)
        titles = message_mutations.mutate(draw, model) if draw.random() < 0.67 else []
        try:
            data = model.SerializeToString()
        except Exception:  # a text that is not UTF-8: the parser has accepted what it does not write
            continue
        if data and draw.random() < 0.1:
            data = _damaged(draw, data)
            titles.append("bytes")
        cases.append(Case(" ".join(titles), data))
    return cases


def _damaged(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed[: len(changed) if draw.random() < 0.8 else draw.randrange(len(changed))])


def kept_cases() -> list[Case]:
    """The files of ``campaigns/corpus/networks/``: an ONNX file, a VNN-LIB file of the same name, or both.

    The name of a VNN-LIB file alone has the numbers of inputs and outputs: ``event-2-3-0a1b2c3d.vnnlib``.
    """
    files = sorted(NETWORKS.iterdir()) if NETWORKS.exists() else []
    cases = {path.stem: Case(" ".join(path.stem.split("-")[1:]), b"") for path in files}
    for path in files:
        part = {"network": path.read_bytes()} if path.suffix == ".onnx" else {"text": path.read_text("utf-8")}
        cases[path.stem] = cases[path.stem]._replace(**part)
    return list(cases.values())


# --- networks


def read_network(case: Case) -> Result:
    """Read a network, and compute some random inputs and bounds of the outputs."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "net.onnx")
        path.write_bytes(case.network)
        try:
            network = read_onnx(path)
        except ChainruleError as error:
            return _refused(error)
        except BaseException as error:
            return _failed(error)
    try:
        return _computed(network)
    except ChainruleError as error:  # such as an operation without bounds
        return _refused(error)
    except BaseException as error:
        return _failed(error)


def _refused(error: ChainruleError) -> Result:
    for lang in ("en", "zh"):
        error.render(lang).encode()
    return Result(f"{error.code} {error.received}")


def _failed(error: BaseException) -> Result:
    return Result("exception", f"{type(error).__name__}: {error}"[:300])


def _computed(network: FeedForward) -> Result:
    subject = Subject(network.output, network.arrays)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, int(np.prod(network.input_shape)))).astype(network.input.dtype)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = subject.run(x)
        ends = (np.full(y.shape, -np.inf), np.full(y.shape, np.inf))
        if subject.numbers <= NUMBERS:
            point = x.astype("float64")
            interval = subject.enclosure(point, point).intervals[subject.structure.output]
            ends = (interval.lower.reshape(y.shape), interval.upper.reshape(y.shape))
    shape = (ROWS, *network.input_shape)
    return Result("read", values=(x.reshape(shape), y, *ends))


def reference_outputs(pair: tuple[bytes, np.ndarray]) -> np.ndarray | str:
    """The outputs of ONNX Runtime for some inputs, or why it refuses the file or an input."""
    import onnxruntime  # noqa: PLC0415  # in a child process only: it starts threads

    data, x = pair
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        rows = [session.run(None, {names[0]: row[None]})[0] for row in x]
        return np.stack([np.asarray(row).reshape(-1) for row in rows])
    except Exception as error:  # of many classes
        return f"{type(error).__name__}: {error}"


def compared(values: Sequence[np.ndarray], expected: np.ndarray) -> str:
    """What differs between our outputs, our bounds and the outputs of ONNX Runtime; empty if nothing does."""
    _, y, low, high = values
    if expected.shape != y.shape:
        return f"{y.shape[1]} outputs in place of {expected.shape[1]}"
    y, expected = y.astype("float64"), expected.astype("float64")
    with np.errstate(all="ignore"):
        near = np.abs(y - expected) <= CLOSE * np.maximum(np.abs(y), np.abs(expected)) + SMALL
        near &= np.isfinite(y - expected)
        near |= (y == expected) | (np.isnan(y) & np.isnan(expected))
        # Where a value is not finite, the bounds state nothing about what follows from it.
        inside = (low <= expected) & (expected <= high) & (low <= y) & (y <= high)
        inside |= ~(np.isfinite(low) & np.isfinite(high))
    if (near & np.isfinite(y) & ~inside).any():
        i = np.argwhere(near & np.isfinite(y) & ~inside)[0]
        return f"bounds {low[*i]!r} to {high[*i]!r} of {y[*i]!r}, {expected[*i]!r} by ONNX Runtime"
    if not (near | inside).all():
        i = np.argwhere(~(near | inside))[0]
        return f"{y[*i]!r} in place of {expected[*i]!r}, bounds {low[*i]!r} to {high[*i]!r}"
    return ""


# --- properties


def properties(seed: int, count: int) -> list[Case]:
    """Random texts, most of them mutated."""
    draw, cases = random.Random(seed), []
    for _ in range(count):
        inputs, outputs = draw.randint(1, 3), draw.randint(1, 3)
        text, title = random_properties.random_property(draw, inputs, outputs), ""
        if draw.random() < 0.7:
            text, title = random_properties.mutated_text(draw, text), "words"
        cases.append(Case(f"{inputs} {outputs} {title}", b"", text))
    return cases


def read_property(case: Case) -> Result:
    """Read a property, and compare its cases with the assertions at some points."""
    inputs, outputs = (int(word) for word in case.title.split()[:2])
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "prop.vnnlib")
        path.write_bytes(case.text.encode())
        try:
            cases = read_vnnlib(path, inputs, outputs).cases
        except ChainruleError as error:
            return _refused(error)
        except BaseException as error:
            return _failed(error)
    draw = random.Random(0)
    for _ in range(20):
        x, y = ([Fraction(draw.choice(_POINTS)) for _ in range(n)] for n in (inputs, outputs))
        point = np.array([float(value) for value in x])
        received = any(c.contains(point) and c.is_met(y) for c in cases)
        if received != random_properties.violates(case.text, x, y):
            return Result("read", f"cases that contain {x} {y}: {received}")
    return Result("read")


_POINTS = (-2, -1, -0.75, -0.5, -0.25, 0, 0.125, 0.25, 0.5, 0.75, 1, 2, 1000)


# --- verification


def verified(case: Case) -> Result:
    """Run ``chainrule verify``; a counterexample is returned as values: inputs and outputs."""
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place, name) for name in ("net.onnx", "prop.vnnlib", "counterexample.txt")]
        paths[0].write_bytes(case.network)
        paths[1].write_bytes(case.text.encode())
        output, errors = io.StringIO(), io.StringIO()
        words = ["verify", str(paths[0]), str(paths[1]), "--timeout", str(TIMEOUT), "--out", str(paths[2])]
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                code = command(words)
        except BaseException as error:
            return _failed(error)
        counterexample = paths[2].read_text() if paths[2].exists() else ""
    text = errors.getvalue()
    if code in (0, 3, 4, 5):
        verdict = {0: "holds", 3: "violated", 4: "unknown", 5: "empty"}[code]
        return Result(verdict, values=_numbers(counterexample))
    is_coded = re.match(r"\w+ E[0-9]{3} ", text)
    return Result(f"exit code {code} {text.splitlines()[:1]}", "" if is_coded else text[-300:])


def _numbers(counterexample: str) -> tuple[np.ndarray, ...]:
    """The inputs and outputs of a counterexample."""
    parts = [re.findall(rf"\({kind}_\d+ ([^)]+)\)", counterexample) for kind in "XY"]
    return tuple(np.array([float(word) for word in part]) for part in parts) if counterexample else ()


def questions(seed: int, cases: Sequence[Case], results: Sequence[Result]) -> list[Case]:
    """Half of the networks that are read, each with a property, some of which are mutated."""
    draw, chosen = random.Random(seed), []
    for case, result in zip(cases, results, strict=True):
        if not result.values:
            continue
        inputs, outputs = (values[0].size for values in result.values[:2])
        if max(inputs, outputs) > LARGEST or draw.random() < 0.5:
            continue
        text = random_properties.random_property(draw, inputs, outputs)
        if draw.random() < 0.3:
            text = random_properties.mutated_text(draw, text)
        chosen.append(Case(case.title, case.network, text))
    return chosen


def checked_verdict(case: Case, result: Result, x: np.ndarray, y: np.ndarray | str) -> str:
    """What is wrong with a verdict, by the outputs ``y`` of ONNX Runtime for ``x``; empty if nothing is."""
    if isinstance(y, str):
        return ""
    if not all(np.isfinite(part).all() for part in (x, y)):
        return ""
    rows = [[[Fraction(float(v)) for v in row.ravel()] for row in part] for part in (x, y)]
    if result.outcome == "violated":
        is_violation = random_properties.violates(case.text, rows[0][0], rows[1][0])
        if is_violation or np.allclose(y[0], result.values[1], 1e-4, 1e-4):  # a violation by little may round
            return ""
        return f"counterexample {x[0].tolist()}: {result.values[1].tolist()}, but {y[0].tolist()}"
    if result.outcome not in ("holds", "empty"):
        return ""
    for point, outputs in zip(*rows, strict=True):
        if random_properties.violates(case.text, point, outputs):
            return f"{result.outcome}, but violated by {[float(v) for v in point]}"
    return ""


# --- sections


def tried(title: str, check: Any, cases: Sequence[Any], children: int) -> tuple[Section, list[Result]]:
    """A section of checks, and the result of each."""
    section = Section(title, remark=f"bound: {SECONDS:.0f} s, {MEGABYTES:.0f} MB")
    results = [Result("none")] * len(cases)
    for outcome in forked.run(check, cases, SECONDS, children):
        result = outcome.result
        if not isinstance(result, Result):  # it died or hung
            result = Result(result, result)
        if not result.fault and outcome.megabytes > MEGABYTES:
            result = result._replace(fault=f"{outcome.megabytes:.0f} MB")
        results[outcome.case] = result
        section.cases += 1
        section.worst_seconds = max(section.worst_seconds, outcome.seconds)
        section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
    return section, results


class Round(NamedTuple):
    """The checks of some files.

    Args:
        sections: for the table.
        read: each network with its result.
        events: the cases that led to an event.
    """

    sections: list[Section]
    read: list[tuple[Case, Result]]
    events: list[Case]


def checked(seed: int, count: int, others: Sequence[bytes] = (), children: int = 1) -> Round:
    """Check ``count`` networks, as many properties, and both together where they are read."""
    return _checked(networks(seed, count, others), properties(seed, count), seed, children)


def checked_again(cases: Sequence[Case], children: int = 1) -> Round:
    """Check files that were kept."""
    return _checked([c for c in cases if c.network], [c for c in cases if not c.network], 0, children)


def _checked(cases: Sequence[Case], texts: Sequence[Case], seed: int, children: int) -> Round:
    reading, results = tried("ONNX networks", read_network, cases, children)
    reading.remark += "; outputs as of ONNX Runtime"
    pairs = [
        (case.network, result.values[0] if result.values else None)
        for case, result in zip(cases, results, strict=True)
    ]
    chosen = [i for i, pair in enumerate(pairs) if pair[1] is not None]
    expected = references([pairs[i] for i in chosen], children)
    for i, y in zip(chosen, expected, strict=True):
        fault = "" if isinstance(y, str) else compared(results[i].values, y)
        outcome = f"read, {'refused by' if isinstance(y, str) else 'as of'} ONNX Runtime"
        results[i] = results[i]._replace(outcome=outcome, fault=results[i].fault or fault)
    parsing, parsed = tried("VNN-LIB properties", read_property, texts, children)
    rounds = [(reading, cases, results), (parsing, texts, parsed), _verified(seed, cases, results, children)]
    events = []
    for section, files, outcomes in rounds:
        for case, result in zip(files, outcomes, strict=True):
            if result.fault:
                section.events.append(f"{case.title}: {result.fault}")
                events.append(case)
    return Round([section for section, _, _ in rounds], list(zip(cases, results, strict=True)), events)


def references(pairs: Sequence[tuple[bytes, Any]], children: int) -> list[np.ndarray | str]:
    """The outputs of ONNX Runtime; a text where it refuses a file, ends or does not end."""
    outputs: list[np.ndarray | str] = [""] * len(pairs)
    for outcome in forked.run(reference_outputs, pairs, SECONDS, children):
        outputs[outcome.case] = outcome.result
    return outputs


def _verified(
    seed: int, cases: Sequence[Case], results: Sequence[Result], children: int
) -> tuple[Section, list[Case], list[Result]]:
    """Verify networks that were read, and check the verdicts."""
    requested = questions(seed, cases, results) + [case for case in cases if case.text]
    section, verdicts = tried("chainrule verify", verified, requested, children)
    section.remark += f", with a time-out of {TIMEOUT} s"
    inputs = {
        case.network: result.values[0] for case, result in zip(cases, results, strict=True) if result.values
    }
    draw = np.random.default_rng(seed)
    points = {
        i: _points(draw, inputs[case.network], verdict)
        for i, (case, verdict) in enumerate(zip(requested, verdicts, strict=True))
        if case.network in inputs and not verdict.fault
    }
    outputs = references([(requested[i].network, x) for i, x in points.items()], children)
    for (i, x), y in zip(points.items(), outputs, strict=True):
        verdicts[i] = verdicts[i]._replace(fault=checked_verdict(requested[i], verdicts[i], x, y))
    return section, requested, verdicts


def _points(draw: np.random.Generator, known: np.ndarray, verdict: Result) -> np.ndarray:
    """The counterexample of a verdict, or some random inputs, in the shape and dtype of known inputs."""
    x = draw.choice([-2.0, -0.5, 0.1, 0.25, 1.0, 2.0], size=(20, *known.shape[1:]))
    if verdict.values:
        x = verdict.values[0].reshape(1, *known.shape[1:])
    return x.astype(known.dtype)


def run(quick: bool, seed: int) -> list[Section]:
    """The kept files, and random ones."""
    done = checked(seed, 200 if quick else 2000, children=2)
    again = checked_again(kept_cases(), children=2)
    for section in again.sections:
        section.name += " that were kept"
    return [*again.sections, *done.sections]
