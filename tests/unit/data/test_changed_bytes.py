"""Small files of every format with changed bytes: rows or an error with a code, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "campaigns" / "corpus"
SAMPLE = """
import sys
from campaigns.hostile_cases.changed_bytes import all_changes, regressions, tried
changes = regressions() if sys.argv[1] == "known" else all_changes(12)
section = tried("", changes, children=1)
print(section.cases, section.events)
"""


@pytest.mark.long
@pytest.mark.parametrize(("cases", "min_count"), [("known", 3), ("sample", 500)])
def test_a_changed_file_is_read_or_refused(cases: str, min_count: int) -> None:
    """The cases run in a process that has not read a table, since each child is a fork of it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAMPLE, cases],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    count, _, events = done.stdout.strip().partition(" ")
    assert int(count) >= min_count
    assert events == "[]"


@pytest.mark.long
def test_every_seed_is_valid() -> None:
    code = (
        "from campaigns.hostile_cases.changed_bytes import *; "
        "print({p.name: read(Change(p.name, '', p.read_bytes())) for p in seed_files()})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.strip() == str({p.name: "read" for p in sorted(CORPUS.iterdir()) if p.is_file()})


REMARKS = """
import ctypes, os, sys, warnings
from concurrent.futures import ThreadPoolExecutor
from campaigns.hostile_cases.changed_bytes import SOUNDS, SUFFIXES, all_changes, read
changes = [c for c in all_changes(20) if c.name.endswith((*SUFFIXES, *SOUNDS))]
before = list(warnings.filters)
with ThreadPoolExecutor(2) as pool:
    results = list(pool.map(read, changes))
libc = ctypes.CDLL(None)
libc.fputs(b"the end\\n", ctypes.c_void_p.in_dll(libc, "stderr"))
print(len(results), warnings.filters == before)
"""


@pytest.mark.long
def test_decoders_print_nothing_about_damaged_images_and_sounds() -> None:
    command = [sys.executable, "-W", "default::UserWarning", "-c", REMARKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    count, is_restored = done.stdout.split()
    assert int(count) > 300
    assert is_restored == "True"
    assert done.stderr == "the end\n"
