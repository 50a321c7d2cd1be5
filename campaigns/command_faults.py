"""Let the n-th write, or the n-th allocation, of every command fail, and verify that nothing is lost.

A child runs a command once, which imports everything and creates its files, and a second time between two
marks. Under ``strace`` the calls of the main thread between the marks are counted; then the child runs again
for some of them, evenly spaced over all, and each returns an error. After each run, without faults:

- the command ended with 0, 1 or 2, or, where memory failed, was ended by the system;
- no message calls it a bug in chainrule, and there is no traceback;
- the run that existed before still loads and predicts the same labels.

Run it as ``python -m campaigns.command_faults``; it needs strace. ``--count N`` is the number of calls of a
kind that fail for each command (default 6), ``--only NAME`` a single command.
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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chainrule.apps.cli.main import main as command

BEGIN, END = "/chainrule-command-begins", "/chainrule-command-ends"
MARKS = "access,faccessat,faccessat2"
CALL = re.compile(r"^(\w+)\(")
FAULTS = {
    "write": "error=ENOSPC",
    "fsync": "error=EIO",
    "renameat": "error=ENOSPC",
    "rename": "error=EROFS",
    "mkdirat": "error=ENOSPC",
    "mkdir": "error=EACCES",
    "openat": "error=EMFILE",
    "read": "error=EIO",
    "unlinkat": "error=EACCES",
    "ftruncate": "error=EIO",
    "mmap": "error=ENOMEM",
    "brk": "error=ENOMEM",
}
MEMORY = ("mmap", "brk")  # where these fail, a library may end the process
COMMANDS = {
    "check": "check t.csv --target label",
    "train": "train t.csv --target label --quick --epochs 2 --out new-{n}",
    "default": "train t.csv --target label --epochs 2 --out other-{n}",
    "resume": "resume run",
    "predict": "predict run t.csv --out predictions-{n}.csv",
    "evaluate": "evaluate run t.csv",
    "explain": "explain run t.csv --row 3 --html page-{n}.html",
    "attribute": "attribute run t.csv --row 3",
    "attack": "attack run t.csv --radius 0.1",
    "calibrate": "calibrate run",
    "labels": "labels run t.csv",
    "drift": "drift run t.csv --reference t.csv",
    "show": "show run",
    "doctor": "doctor run",
    "plot": "plot run history --out plot-{n}.svg",
    "tune": "tune t.csv --target label --trials 1 --epochs 1 --out search-{n}",
}


@dataclass(frozen=True)
class Fault:
    """The ``nth`` call of a name, counted from the start of the process, and the error that it returns."""

    call: str
    nth: int
    error: str


def write_table(path: Path) -> None:
    """A table with a number, a category and two classes."""
    rows = [f"{i * 0.37 % 5:.2f},{'abc'[i % 3]},{'no' if i * 0.37 % 5 < 2.5 else 'yes'}" for i in range(90)]
    path.write_text("\n".join(["size,kind,label", *rows]) + "\n", encoding="utf-8")


def twice(words: str) -> None:
    """Child: run a command twice, the second time between the marks; the code ends the process."""
    command(words.format(n=1).split())
    os.access(BEGIN, os.F_OK)
    code = command(words.format(n=2).split())
    os.access(END, os.F_OK)
    sys.exit(code)


def start(place: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the child for a command under strace in a fresh copy of the prepared folder."""
    shutil.rmtree(place / "work", ignore_errors=True)
    shutil.copytree(place / "prepared", place / "work")
    child = [sys.executable, "-m", "campaigns.command_faults", "--child", COMMANDS[name]]
    root = str(Path(__file__).parents[1])
    variables = {**os.environ, "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["strace", "-qqq", *options, *child],
        cwd=place / "work",
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def calls_between_marks(place: Path, name: str) -> dict[str, list[int]]:
    """The numbers of the calls of each kind, from an undisturbed run."""
    log = place / "calls"
    done = start(place, name, "-o", str(log), "-e", f"trace={MARKS},{','.join(FAULTS)}")
    if done.returncode not in (0, 1, 2) or BEGIN not in log.read_text():
        raise SystemExit(f"the undisturbed command failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    seen: Counter[str] = Counter()
    calls: dict[str, list[int]] = {call: [] for call in FAULTS}
    within = False
    for line in log.read_text().splitlines():
        call = match.group(1) if (match := CALL.match(line)) else ""
        seen[call] += 1
        within = (within or BEGIN in line) and END not in line
        if within and call in FAULTS:
            calls[call].append(seen[call])
    return calls


def chosen(calls: dict[str, list[int]], count: int) -> Iterator[Fault]:
    """At most ``count`` calls of a kind, evenly spaced, always with the first and the last."""
    for call, numbers in calls.items():
        steps = min(count, len(numbers))
        picked = {numbers[round(i * (len(numbers) - 1) / max(steps - 1, 1))] for i in range(steps)}
        yield from (Fault(call, nth, FAULTS[call]) for nth in sorted(picked))


def verdict(place: Path, name: str, fault: Fault, expected: str) -> str:
    """``""`` if the command failed in order or succeeded, else a description."""
    inject = f"inject={fault.call}:{fault.error}:when={fault.nth}"
    done = start(place, name, "-o", os.devnull, "-e", f"trace={fault.call}", "-e", inject)
    output = done.stdout + done.stderr
    if done.returncode not in (0, 1, 2) and fault.call not in MEMORY:
        return f"ended with {done.returncode}: {done.stderr[-200:]}"
    if "a bug in chainrule" in output or "Traceback" in output:
        lines = [line for line in output.splitlines() if line.strip()]
        first = next(i for i, line in enumerate(lines) if "bug" in line or "Traceback" in line)
        later = (line for line in lines[first:] if not line.startswith(" "))  # without the places of the code
        return " ... ".join(later)[:400]
    if files(place / "work") != files(place / "prepared") and labels(place / "work") != expected:
        return "the run that existed before does not predict the same"
    return ""


def files(folder: Path) -> dict[str, bytes]:
    """The files of the run in a folder."""
    return {path.name: path.read_bytes() for path in (folder / "run").rglob("*") if path.is_file()}


def labels(folder: Path) -> str:
    """The predictions of the run in a folder."""
    program = "from chainrule.apps.cli.main import main; raise SystemExit(main(['predict', 'run', 't.csv']))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else done.stderr


def campaign(names: list[str], count: int) -> int:
    """Print a row for each command, and return how many faults were not handled."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "prepared").mkdir()
        write_table(place / "prepared" / "t.csv")
        words = ["train", "t.csv", "--target", "label", "--quick", "--epochs", "3", "--out", "run"]
        program = f"from chainrule.apps.cli.main import main; raise SystemExit(main({words}))"
        subprocess.run(
            [sys.executable, "-c", program], cwd=place / "prepared", check=True, capture_output=True
        )
        expected = labels(place / "prepared")
        for name in names:
            faults = list(chosen(calls_between_marks(place, name), count))
            problems = [(fault, verdict(place, name, fault, expected)) for fault in faults]
            bad = [f"{name}: {fault.call} {fault.nth}: {text}" for fault, text in problems if text]
            print(f"{name:<12}{len(faults) - len(bad):>4} of {len(faults)}", *bad, sep="\n  ", flush=True)
            wrong += bad
    print(f"{len(wrong)} faults were not handled")
    return len(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description="Let the n-th write or allocation of each command fail.")
    parser.add_argument("--count", type=int, default=6, help="calls of a kind that fail, for each command")
    parser.add_argument("--only", choices=list(COMMANDS), help="a single command")
    parser.add_argument("--child", metavar="WORDS", help="used by the script itself")
    options = parser.parse_args()
    if options.child:
        twice(options.child)
    if not shutil.which("strace"):
        print("this campaign needs strace")
        return 2
    return 1 if campaign([options.only] if options.only else list(COMMANDS), options.count) else 0


if __name__ == "__main__":
    sys.exit(main())
