"""Verify published benchmarks: ``python -m campaigns.verify acasxu.zip mnistfc.zip``.

Each archive is that of a benchmark of the verification competition (VNN-COMP): networks, properties, and for
mnistfc the published verdicts in ``verdicts.csv``.

- acasxu: 45 networks for collision avoidance (ACAS Xu) of 5 inputs, 300 units and 5 outputs, with two
  properties each.
- mnistfc: networks of 2, 4 and 6 layers of 256 units on images of digits, with changes of each pixel by at
  most 0.03 or 0.05.

Each instance gets ``SECONDS`` of processor time. Verdicts are compared with published ones; every
counterexample is run by onnxruntime in float32, at a point that is in the box of the property in exact
arithmetic, and every proven property is attacked at random inputs and corners. The results replace a section
of ``docs/trust.md`` for each archive.

Reference: Katz, Barrett, Dill, Julian and Kochenderfer (2017), Reluplex: an efficient SMT solver for
verifying deep neural networks (CAV); published verdicts: alpha-beta-CROWN in VNN-COMP 2022.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
import zipfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime

from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import Verdict, verify
from chainrule.bounds.verified_network import Subject
from chainrule.interop.onnx import read_onnx
from chainrule.interop.vnnlib import read_vnnlib
from chainrule.records import frozen

SECONDS = 120.0  # of processor time: 60 seconds on two cores
POINTS = 20_000  # random inputs, and as many corners, for each proven property
LARGEST = 2**24  # bytes of a file
PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
# The networks for which prop_2 holds; prop_1 holds for all. By alpha-beta-CROWN in VNN-COMP 2022.
PROP_2_HOLDS = ("1_1", "1_7", "1_8", "1_9", "3_3", "4_2")
STATUSES = ("holds", "violated", "unknown")
PUBLISHED = {"UNSAT": "holds", "SAT": "violated"}
Row = dict[str, object]


@frozen
class Instance:
    """A network, a property and the published verdict."""

    network: str
    name: str
    published: str

    @property
    def key(self) -> tuple[str, str]:
        return self.network, self.name


def main() -> None:
    """Verify the instances of the archives, or some of them, and write the sections of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", type=Path, nargs="+")
    parser.add_argument("--results", type=Path, help="file of results; instances in it are skipped")
    parser.add_argument("--only", nargs="*", default=(), help="parts of names of networks or properties")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor time of an instance")
    chosen = parser.parse_args()
    rows: dict[tuple[str, str], Row] = {}
    if chosen.results is not None and chosen.results.exists():
        known = map(json.loads, chosen.results.read_text().splitlines())
        rows |= {(row["network"], row["property"]): row for row in known}
    for archive in chosen.archives:
        with tempfile.TemporaryDirectory() as folder:
            unpack(archive, Path(folder))
            instances = instances_of(Path(folder))
            for instance in instances:
                is_chosen = all(word in f"{instance.network} {instance.name}" for word in chosen.only)
                if is_chosen and instance.key not in rows:
                    row = rows[instance.key] = result(Path(folder), instance, chosen.seconds)
                    record(row, chosen.results)
        own = [rows[instance.key] for instance in instances if instance.key in rows]
        if len(own) == len(instances):
            write(archive.stem, own)


def record(row: Row, file: Path | None) -> None:
    """Print a result and append it to the file of results."""
    line = json.dumps(row)
    print(line, flush=True)
    if file is not None:
        with file.open("a") as stream:
            stream.write(line + "\n")


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of the archive to a folder, by the last part of their names."""
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            name = Path(member.filename).name
            if name.endswith((".onnx", ".vnnlib", ".csv")) and member.file_size < LARGEST:
                (folder / name).write_bytes(content.read(member))


def instances_of(folder: Path) -> list[Instance]:
    """The instances of an unpacked archive."""
    verdicts = folder / "verdicts.csv"
    if verdicts.exists():
        with verdicts.open(newline="") as stream:
            rows = list(csv.reader(stream))[1:]
        return [Instance(network, name, PUBLISHED.get(word, "unknown")) for network, name, word in rows]
    indices = [f"{i}_{j}" for i, j in product(range(1, 6), range(1, 10))]
    return [
        Instance(
            f"ACASXU_run2a_{index}_batch_2000.onnx",
            f"prop_{number}.vnnlib",
            "holds" if number == 1 or index in PROP_2_HOLDS else "violated",
        )
        for index, number in product(indices, (1, 2))
    ]


def result(folder: Path, instance: Instance, seconds: float) -> Row:
    """The verdict of one instance, with its checks."""
    path = folder / instance.network
    network = read_onnx(path)
    subject = Subject(network.output, network.arrays)
    inputs = int(np.prod(network.input_shape))
    cases = read_vnnlib(folder / instance.name, inputs, subject.outputs).cases
    verdict = verify(subject, cases, seconds, time.process_time)
    return {
        "network": instance.network,
        "property": instance.name,
        "status": verdict.status,
        "published": instance.published,
        "seconds": round(verdict.seconds, 1),
        "boxes": verdict.boxes,
        "checked": is_confirmed(path, cases, verdict),
    }


def is_confirmed(path: Path, cases: Sequence[Case], verdict: Verdict) -> bool:
    """Whether onnxruntime confirms a counterexample, or random inputs do not refute a proof."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (signature,) = session.get_inputs()
    shape = [n if isinstance(n, int) else 1 for n in signature.shape]

    def run(x: np.ndarray) -> np.ndarray:
        (y,) = session.run(None, {signature.name: x.astype(np.float32).reshape(shape)})
        return np.asarray(y).reshape(1, -1)

    if verdict.counterexample is not None:
        x = verdict.counterexample.x
        return any(case.contains(x) and is_violation(case, run(x))[0] for case in cases)
    if verdict.status == "unknown":
        return True
    network = read_onnx(path)
    subject, rng = Subject(network.output, network.arrays), np.random.default_rng(0)
    for case in cases:
        lower, upper = case.inside("float32")
        inside = rng.random((POINTS, len(lower))), rng.integers(0, 2, (POINTS, len(lower)))
        for share in inside:
            x = np.clip((lower + (upper - lower) * share).astype(np.float32), lower, upper)
            if is_violation(case, subject.run(x)).any():
                return False
    return True


def is_violation(case: Case, y: np.ndarray) -> np.ndarray:
    """Whether all conditions of a violation are true for outputs (n, outputs)."""
    return np.asarray((y.astype(np.float64) @ case.coefficients.T <= case.lowered).all(1))


def write(name: str, rows: Sequence[Row]) -> None:
    """Replace the section of an archive."""
    heading, text = SECTIONS[name]
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Trust\n"
    before, title, after = page.partition(f"## {heading}\n")
    _, mark, rest = after.partition("\n## ")
    if not title:
        before, mark, rest = page, "", ""
    PAGE.write_text(f"{before.rstrip()}\n\n## {heading}\n\n{text(rows)}{mark}{rest}", encoding="utf-8")


def counts_of(rows: Sequence[Row]) -> str:
    """How many instances are decided, and how many verdicts are wrong."""
    decided = [row for row in rows if row["status"] != "unknown"]
    wrong = [
        row for row in decided if not row["checked"] or row["published"] not in (row["status"], "unknown")
    ]
    return (
        f"{len(decided)} of {len(rows)} instances are decided. Verdicts that differ from the published "
        "ones,\ncounterexamples that onnxruntime does not confirm in float32, and proofs that "
        f"{POINTS:,} random\ninputs and {POINTS:,} corners refute: {len(wrong)}. "
        "Proofs also hold for the float32 arithmetic of the\nnetworks.\n"
    )


def acasxu(rows: Sequence[Row]) -> str:
    """A table of the properties."""
    lines = [
        "`python -m campaigns.verify acasxu.zip`: the 45 networks for collision avoidance (ACAS Xu) with the",
        f"properties 1 and 2 of Katz et al. (2017). The limit of each instance is {SECONDS:.0f} s of "
        "processor time, as much as",
        f"two cores have in {SECONDS / 2:.0f} s.",
        counts_of(rows),
        "| property | holds | violated | unknown | median time (s) | longest decided (s) | boxes |",
        "|---|---|---|---|---|---|---|",
    ]
    for number in (1, 2):
        own = [row for row in rows if row["property"] == f"prop_{number}.vnnlib"]
        counts = [sum(row["status"] == status for row in own) for status in STATUSES]
        seconds = [float(str(row["seconds"])) for row in own if row["status"] != "unknown"]
        boxes = sum(int(str(row["boxes"])) for row in own)
        times = f"{np.median(seconds):.1f} | {max(seconds):.1f}"
        lines.append(f"| {number} | {' | '.join(map(str, counts))} | {times} | {boxes:,} |")
    names = [
        f"{str(row['network']).split('_batch')[0].removeprefix('ACASXU_run2a_')} "
        f"(property {str(row['property']).removeprefix('prop_').removesuffix('.vnnlib')})"
        for row in rows
        if row["status"] == "unknown"
    ]
    lines += [
        "",
        f"Not decided: {', '.join(names) or 'none'}. A network is named by its two indices in the archive.",
        "",
        "Published verdicts: alpha-beta-CROWN in the verification competition of 2022 (VNN-COMP).",
        "",
    ]
    return "\n".join(lines)


def mnistfc(rows: Sequence[Row]) -> str:
    """A table of all instances."""
    lines = [
        "`python -m campaigns.verify mnistfc.zip`: networks of 2, 4 and 6 layers of 256 units on images of",
        f"digits (VNN-COMP). The limit of each instance is {SECONDS:.0f} s of processor time.",
        counts_of(rows),
        "| published | instances | holds | violated | unknown | median time of decided (s) |",
        "|---|---|---|---|---|---|",
    ]
    for published in STATUSES:
        own = [row for row in rows if row["published"] == published]
        counts = [sum(row["status"] == status for row in own) for status in STATUSES]
        seconds = [float(str(row["seconds"])) for row in own if row["status"] != "unknown"]
        median = f"{np.median(seconds):.1f}" if seconds else "0.0"
        lines.append(f"| {published} | {len(own)} | {' | '.join(map(str, counts))} | {median} |")
    lines += [
        "",
        "| network | property | verdict | time (s) | published | confirmed |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        network = str(row["network"]).removesuffix(".onnx").removeprefix("mnist-net_")
        name = str(row["property"]).removesuffix(".vnnlib").removeprefix("prop_")
        is_shown = "" if row["status"] == "unknown" else "yes" if row["checked"] else "no"
        lines.append(
            f"| {network} | {name} | {row['status']} | {row['seconds']} | {row['published']} | {is_shown} |"
        )
    lines += [
        "",
        "A property is named by its number and the largest change of a pixel. *Unknown* among the published",
        "verdicts: the peer ran out of time.",
        "",
    ]
    return "\n".join(lines)


SECTIONS = {"acasxu": ("Verified networks", acasxu), "mnistfc": ("Verified networks of images", mnistfc)}


if __name__ == "__main__":
    main()
