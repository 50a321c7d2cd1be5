"""Load and run mutated networks of the ``onnx`` library for a time.

Each round mutates some of the node cases and of the converted and simple networks of the library, of up to
20 kB: fields, bytes, or the end of the file (``hostile_cases/message_mutations.py``). Each file is loaded by
``cr.load_onnx``, run with the inputs of its case, and loaded as a model (``cr.load``), in a child process
with limits of time and memory. Every error must have a code, in both languages; an event is anything else: a
traceback, the end of the process, a hang, or too much memory. Events are saved in the folder ``--out``.

Run it as ``python -m campaigns.fuzz_load_onnx --minutes 10``; ``--seed`` creates others. Exit code 1: there
was an event.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from campaigns.hostile import table
from campaigns.hostile_cases import message_mutations
from campaigns.hostile_cases.network_files import Case, Result, tried
from campaigns.hostile_cases.section import Section
from campaigns.onnx_nodes import FAMILIES, cases, data_sets, model_of

import chainrule as cr
from chainrule.errors import ChainruleError

ROUND, LARGEST = 200, 20_000


class Seed(NamedTuple):
    """A network of the library with inputs for it."""

    network: bytes
    inputs: list[Any]


def seeds() -> list[Seed]:
    """The networks that are mutated."""
    networks = []
    for family in FAMILIES[:4]:
        for case in cases(family):
            model, content, _ = model_of(case)
            inputs = next(iter(data_sets(case, model)), ([], []))[0]
            if len(content) <= LARGEST:
                networks.append(Seed(content, inputs))
    return networks


def mutated(draw: random.Random, seed: Seed) -> bytes:
    """A file with changed fields, changed bytes, or without its end."""
    data = seed.network
    if draw.random() < 0.6:
        model = onnx.ModelProto.FromString(data)
        message_mutations.mutate(draw, model)
        try:
            data = model.SerializeToString()
        except Exception:  # a text that is not UTF-8
            return data
    if data and draw.random() < 0.5:
        changed = bytearray(data)
        for _ in range(draw.randint(1, 3)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        data = bytes(changed if draw.random() < 0.8 else changed[: draw.randrange(len(changed))])
    return data


def attempted(pair: tuple[Case, list[Any]]) -> Result:
    """Load and run a file, and load it as a model; return what came of it."""
    case, inputs = pair
    outcomes = []
    with tempfile.TemporaryDirectory() as place, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(place, "net.onnx")
        path.write_bytes(case.network)
        for step in (lambda: _ran(path, inputs), lambda: cr.load(path)):
            try:
                step()
                outcomes.append("read")
            except ChainruleError as error:
                for lang in ("en", "zh"):
                    error.render(lang).encode()
                outcomes.append(error.code)
            except BaseException as error:
                return Result("exception", f"{type(error).__name__}: {error}"[:300])
    return Result(" ".join(outcomes))


def _ran(path: Path, inputs: list[Any]) -> None:
    network = cr.load_onnx(path)
    feeds = dict(zip(network.inputs, inputs, strict=False))
    network.run({**dict.fromkeys(network.inputs), **feeds})


def main() -> int:
    """Check files until the time is over; exit with 1 if there was any event."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for files that lead to events")
    options = parser.parse_args()
    known, draw = seeds(), random.Random(options.seed)
    total = Section("mutated networks of the onnx library")
    outcomes, end = collections.Counter[str](), time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        chosen = [draw.choice(known) for _ in range(ROUND)]
        pairs: Any = [(Case("", mutated(draw, seed)), seed.inputs) for seed in chosen]
        section, results = tried(total.name, attempted, pairs, 2)
        total.cases += section.cases
        total.worst_seconds = max(total.worst_seconds, section.worst_seconds)
        total.worst_megabytes = max(total.worst_megabytes, section.worst_megabytes)
        for (case, _), result in zip(pairs, results, strict=True):
            outcomes[result.outcome] += 1
            if result.fault:
                name = hashlib.sha256(case.network).hexdigest()[:8]
                total.events.append(f"{name}: {result.fault}")
                print(total.events[-1], flush=True)
                if options.out is not None:
                    (options.out / f"{name}.onnx").write_bytes(case.network)
    print(table([total]), *(f"{count:7,} {name}" for name, count in outcomes.most_common()), sep="\n")
    return int(bool(total.events))


if __name__ == "__main__":
    sys.exit(main())
