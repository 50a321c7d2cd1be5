"""Verify the collision-avoidance networks (ACAS Xu): ``python -m campaigns.verify ARCHIVE``.

The archive is that of the benchmark of the verification competition (VNN-COMP): 45 networks of 5 inputs, 300
units and 5 outputs, with ``prop_1`` and ``prop_2``. Each of the 90 instances gets ``SECONDS`` of processor
time.
Verdicts are compared with published ones; every counterexample is run by the reference evaluator of the onnx
library, and every proven property is attacked at random inputs. The result replaces a section of
``docs/trust.md``.

Reference: Katz, Barrett, Dill, Julian and Kochenderfer (2017), Reluplex: an efficient SMT solver for
verifying deep neural networks (CAV); published verdicts: alpha-beta-CROWN in VNN-COMP 2022.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from chainrule.bounds.requirement import Case
from chainrule.bounds.subject import Subject
from chainrule.bounds.verification import Verdict, verify
from chainrule.interop.onnx import read_onnx
from chainrule.interop.vnnlib import read_vnnlib

SECONDS = 120.0  # of processor time: 60 seconds on two cores
POINTS = 100_000  # random inputs for each proven property
PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
HEADING = "## Verified networks"
# The networks for which prop_2 holds; prop_1 holds for all. By alpha-beta-CROWN in VNN-COMP 2022.
PROP_2_HOLDS = ("1_1", "1_7", "1_8", "1_9", "3_3", "4_2")


def main() -> None:
    """Verify all instances, or those of some networks, and write the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--results", type=Path, help="file of results; instances in it are skipped")
    parser.add_argument(
        "--only", nargs="*", default=(), help="networks, such as 1_1; the page is not written"
    )
    chosen = parser.parse_args()
    known = chosen.results.read_text().splitlines() if chosen.results and chosen.results.exists() else []
    rows = {(row["network"], row["property"]): row for row in map(json.loads, known)}
    networks = [f"{i}_{j}" for i in range(1, 6) for j in range(1, 10)]
    with tempfile.TemporaryDirectory() as folder:
        unpack(chosen.archive, Path(folder))
        for key in product(chosen.only or networks, (1, 2)):
            if key not in rows:
                rows[key] = instance(Path(folder), *key)
                record(rows[key], chosen.results)
    if len(rows) == 2 * len(networks) and not chosen.only:
        write([rows[key] for key in product(networks, (1, 2))])


def record(row: dict[str, object], file: Path | None) -> None:
    """Print a result and append it to the file of results."""
    line = json.dumps(row)
    print(line, flush=True)
    if file is not None:
        with file.open("a") as stream:
            stream.write(line + "\n")


def unpack(archive: Path, folder: Path) -> None:
    """Write the networks and properties of the archive to a folder, by the last part of their names."""
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            name = Path(member.filename).name
            if name.endswith((".onnx", ".vnnlib")) and member.file_size < 2**20:
                (folder / name).write_bytes(content.read(member))


def instance(folder: Path, name: str, number: int) -> dict[str, object]:
    """The verdict of one instance, with its checks."""
    path = folder / f"ACASXU_run2a_{name}_batch_2000.onnx"
    network = read_onnx(path)
    subject = Subject(network.output, network.arrays)
    cases = read_vnnlib(folder / f"prop_{number}.vnnlib", 5, 5).cases
    verdict = verify(subject, cases, SECONDS, time.process_time)
    published = "holds" if number == 1 or name in PROP_2_HOLDS else "violated"
    return {
        "network": name, "property": number, "status": verdict.status, "published": published,
        "seconds": round(verdict.seconds, 2), "boxes": verdict.boxes,
        "checked": is_confirmed(path, subject, cases, verdict),
    }  # fmt: skip


def is_confirmed(path: Path, subject: Subject, cases: tuple[Case, ...], verdict: Verdict) -> bool:
    """Whether an independent evaluator confirms a counterexample, or random inputs do not refute a proof."""
    if verdict.counterexample is not None:
        x = verdict.counterexample.x
        (y,) = ReferenceEvaluator(onnx.load(str(path))).run(None, {"input": x.reshape(1, 1, 1, 5)})
        return any(case.contains(x) and is_violation(case, y.ravel()[None])[0] for case in cases)
    if verdict.status == "unknown":
        return True
    rng = np.random.default_rng(0)
    for case in cases:
        lower, upper = case.box
        x = lower + (upper - lower) * rng.random((POINTS, len(lower)))
        if is_violation(case, subject.run(x)).any():
            return False
    return True


def is_violation(case: Case, y: np.ndarray) -> np.ndarray:
    """Whether all conditions of a violation are true for outputs (n, 5)."""
    return (y.astype(np.float64) @ case.coefficients.T <= case.lowered).all(1)


def write(rows: list[dict[str, object]]) -> None:
    """Replace the section of the page."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Trust\n"
    before, _, after = text.partition(f"{HEADING}\n")
    _, mark, rest = after.partition("\n## ")
    PAGE.write_text(f"{before.rstrip()}\n\n{section(rows)}{mark}{rest}", encoding="utf-8")


def section(rows: list[dict[str, object]]) -> str:
    """The section: a table of the properties, and the instances that took longest."""
    decided = [row for row in rows if row["status"] != "unknown"]
    wrong = [row for row in decided if row["status"] != row["published"] or not row["checked"]]
    lines = [
        f"{HEADING}\n",
        "`python -m campaigns.verify acasxu.zip`: the 45 networks for collision avoidance (ACAS Xu) with the",
        f"properties 1 and 2 of Katz et al. (2017). The limit of each instance is {SECONDS:.0f} s of "
        "processor time, as much as",
        f"two cores have in {SECONDS / 2:.0f} s.",
        f"{len(decided)} of {len(rows)} instances are decided. Verdicts that differ from the published ones,",
        "counterexamples that the onnx library does not confirm, and proofs that",
        f"{POINTS:,} random inputs refute: {len(wrong)}. Proofs also hold for the float32 arithmetic of the",
        "networks.\n",
        "| property | holds | violated | unknown | median time (s) | longest decided (s) | boxes |",
        "|---|---|---|---|---|---|---|",
    ]
    for number in (1, 2):
        own = [row for row in rows if row["property"] == number]
        counts = [sum(row["status"] == status for row in own) for status in ("holds", "violated", "unknown")]
        seconds = [float(str(row["seconds"])) for row in own if row["status"] != "unknown"]
        boxes = sum(int(str(row["boxes"])) for row in own)
        times = f"{np.median(seconds):.1f} | {max(seconds):.1f}"
        lines.append(f"| {number} | {' | '.join(map(str, counts))} | {times} | {boxes:,} |")
    unknown = [f"{row['network']} (property {row['property']})" for row in rows if row["status"] == "unknown"]
    lines += [
        "",
        f"Not decided: {', '.join(unknown) or 'none'}. A network is named by its two indices in the archive.",
    ]
    lines += [
        "",
        "Published verdicts: alpha-beta-CROWN in the verification competition of 2022 (VNN-COMP).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
