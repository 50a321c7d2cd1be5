"""Inject a fault into every system call of one checkpoint save, and verify that a checkpoint always loads.

Random instants find most faults; this finds all of them, for the calls of one save. A first, undisturbed run
under ``strace`` lists the calls between two marks, which must change the disk in the only safe order. Then
the save runs once for each call and each fault: the call returns an error, or the process is killed on
entering it. After each run, without faults:

- the newest checkpoint verifies, and is the new one if the save reported success, else the old or the new;
- a save that failed reported a code of the catalog, and left no temporary file;
- the next save succeeds, and removes what a killed one left behind.

Run it as ``python campaigns/store_faults.py``; it needs strace and a minute or two. ``--quick`` injects only
faults into calls that change the disk, one for each.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chainrule.errors import FileError
from chainrule.store import RunFolder

BEGIN, END = "/chainrule-save-begins", "/chainrule-save-ends"
MARKS = "access,faccessat,faccessat2"
CALL = re.compile(r"^(\w+)\(")
FAULTS = {
    "write": ("error=ENOSPC", "error=EIO", "error=EFBIG", "error=EDQUOT", "signal=SIGKILL"),
    "fsync": ("error=EIO", "error=ENOSPC", "signal=SIGKILL"),
    "renameat": ("error=EACCES", "error=EROFS", "error=ENOSPC", "error=EIO", "signal=SIGKILL"),
    "mkdirat": ("error=ENOSPC", "error=EACCES", "signal=SIGKILL"),
    "openat": ("error=EMFILE", "error=EACCES", "error=EIO", "signal=SIGKILL"),
    "unlinkat": ("error=EACCES", "error=EIO", "signal=SIGKILL"),
    "close": ("error=EIO", "signal=SIGKILL"),
    "flock": ("error=ENOLCK", "signal=SIGKILL"),
    "fchmod": ("error=EPERM", "signal=SIGKILL"),
    "read": ("error=EIO", "signal=SIGKILL"),
    "getdents64": ("error=EIO", "signal=SIGKILL"),
}
# The file is flushed before it is renamed, and the folder before the older file is deleted.
SAFE_ORDER = ["write", "fsync", "renameat", "fsync", "unlinkat"]
QUICK = {
    "write": "error=ENOSPC",
    "fsync": "error=EIO",
    "renameat": "signal=SIGKILL",
    "unlinkat": "signal=SIGKILL",
}


@dataclass(frozen=True)
class Break:
    """One fault: the ``nth`` call of a name, counted from the start of the process, and its effect."""

    call: str
    nth: int
    fault: str


def state(step: int) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    """The record and arrays that are saved at a step."""
    return {"step": step}, {"weight": np.full((8, 8), float(step))}


def save_once(folder: str, step: int) -> None:
    """Child: save once between the two marks and print ``saved`` or the code of the error."""
    run = RunFolder.open(folder)
    record, tensors = state(step)
    os.access(BEGIN, os.F_OK)
    try:
        run.save_checkpoint(step, record, tensors)
        outcome = "saved"
    except FileError as error:
        outcome = error.code
    os.access(END, os.F_OK)
    print(outcome)


def start(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the child under strace."""
    child = [sys.executable, __file__, "--child", str(folder)]
    place = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["strace", "-qqq", *options, *child], capture_output=True, text=True, env={**os.environ, **place}
    )


def prepare(folder: Path) -> RunFolder:
    """A run that has saved steps 1 and 2."""
    run = RunFolder.create(folder)
    for step in (1, 2):
        run.save_checkpoint(step, *state(step))
    return run


def calls_of_one_save(place: Path) -> list[tuple[str, int]]:
    """Name and number of each call of the save, from an undisturbed run."""
    prepare(place / "plain")
    log = place / "calls"
    done = start(place / "plain", "-o", str(log), "-e", f"trace={MARKS},{','.join(FAULTS)}")
    if done.stdout.strip() != "saved":
        raise SystemExit(f"the undisturbed save failed: {done.stdout}{done.stderr}")
    seen: Counter[str] = Counter()
    calls, within = [], False
    for line in log.read_text().splitlines():
        name = match.group(1) if (match := CALL.match(line)) else ""
        seen[name] += 1
        within = (within or BEGIN in line) and END not in line
        if within and name in FAULTS:
            calls.append((name, seen[name]))
    order = [name for name, _ in calls if name in SAFE_ORDER]
    if order != SAFE_ORDER:
        raise SystemExit(f"the save changes the disk in the order {order}, not {SAFE_ORDER}")
    return calls


def verdict(place: Path, broken: Break) -> str:
    """``""`` if the save under this fault left a valid state, else a description."""
    folder = place / "run"
    shutil.rmtree(folder, ignore_errors=True)
    run = prepare(folder)
    inject = f"inject={broken.call}:{broken.fault}:when={broken.nth}"
    done = start(folder, "-o", os.devnull, "-e", f"trace={broken.call}", "-e", inject)
    killed = "SIGKILL" in broken.fault
    outcome = done.stdout.strip()
    if killed == bool(outcome) or "Traceback" in done.stderr:
        return f"ended as {outcome or done.returncode}: {done.stderr.strip()[-200:]}"
    checkpoint = run.latest()
    if (
        checkpoint is None
        or checkpoint.step not in ((3,) if outcome == "saved" else (2, 3))
        or checkpoint.skipped
    ):
        return f"{outcome}, but the newest is {checkpoint and checkpoint.step}"
    if not np.array_equal(checkpoint.tensors["weight"], state(checkpoint.step)[1]["weight"]):
        return "the weights differ"
    unlink_failed = broken.call == "unlinkat"
    if not killed and not unlink_failed and temporaries(folder):
        return f"{outcome}, but a temporary is left"
    run.save_checkpoint(4, *state(4))
    newest = run.latest()
    if newest is None or newest.step != 4 or temporaries(folder):
        return "the next save does not clear up"
    return ""


def temporaries(folder: Path) -> list[Path]:
    """The unfinished files in a run."""
    return list(folder.rglob("*.partial"))


def breaks(calls: list[tuple[str, int]], quick: bool) -> list[Break]:
    """Every fault to try."""
    if quick:
        return [Break(name, nth, QUICK[name]) for name, nth in calls if name in QUICK]
    return [Break(name, nth, fault) for name, nth in calls for fault in FAULTS[name]]


def campaign(quick: bool) -> int:
    """Inject every fault, print one row per call and fault, and return how many left an invalid state."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        plan = breaks(calls_of_one_save(place), quick)
        passed: Counter[tuple[str, str]] = Counter()
        tried = Counter((broken.call, broken.fault) for broken in plan)
        wrong = []
        for broken in plan:
            problem = verdict(place, broken)
            if problem:
                wrong.append(f"{broken.call} {broken.nth} {broken.fault}: {problem}")
            else:
                passed[broken.call, broken.fault] += 1
    for (call, fault), count in tried.items():
        print(f"{call:<12}{fault:<16}{passed[call, fault]:>3} of {count}")
    print(f"{'all':<28}{passed.total():>3} of {tried.total()}")
    print("\n".join(wrong))
    return len(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description="Break every system call of one checkpoint save.")
    parser.add_argument(
        "--quick", action="store_true", help="only the calls that change the disk, each in one way"
    )
    parser.add_argument("--child", metavar="RUN", help="used by the script itself: save step 3 in RUN")
    options = parser.parse_args()
    if options.child:
        save_once(options.child, 3)
        return 0
    if not shutil.which("strace"):
        print("this campaign needs strace")
        return 2
    return 1 if campaign(options.quick) else 0


if __name__ == "__main__":
    sys.exit(main())
