"""Model files whose sizes were changed: each is refused or loaded in little time and memory.

Every number of every honest file takes many values: small ones, huge ones, other types, lists. The file is
sealed again, so its checksum is right. A case loads it as ``cr.Model.load`` does; what loads prints its
summary, works out its memory and predicts an honest row.
"""

from __future__ import annotations

import io
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from campaigns.hostile_cases import forked
from campaigns.hostile_cases.model_files import Honest, cases_of, changed, honest_files
from campaigns.hostile_cases.section import Section
from chainrule.apps.cli import main
from chainrule.errors import ChainruleError

SECONDS = 1.0  # of processor time, to load
MEGABYTES = 100.0  # over what the process had before
PREDICTING = 20.0  # seconds to print, to work out the memory of a training and to predict a row
MEMORY = 256 * 2**20  # bytes that a prediction may take: cr.settings.memory
FAULT = "a fault of chainrule"  # how the command line reports what it did not expect
TIMEOUT = 60.0  # seconds of wall time for a case


class Case(NamedTuple):
    """One value of one honest file changed."""

    honest: Honest
    path: tuple[Any, ...]
    value: Any
    engine: str = "reference"

    def __str__(self) -> str:
        return f"{self.honest.name}: {'.'.join(map(str, self.path))} = {str(self.value)[:60]}"


def cases(share: float, seed: int) -> list[Case]:
    """The cases, or a share of them that has some of each honest file."""
    rng = np.random.default_rng(seed)
    found = []
    for honest in honest_files():
        whole = not honest.name.startswith(("layer", "loss"))
        own = [Case(honest, path, value) for path, value in cases_of(honest, whole)]
        count = max(1, round(share * len(own)))
        found += [own[i] for i in sorted(rng.choice(len(own), count, replace=False))]
    return found


def loaded(case: Case) -> str:
    """Load the changed file as ``cr.Model.load`` does; say what happened."""
    try:
        data = case.honest.packed(changed(case.honest.record, case.path, case.value))
    except ChainruleError:
        return "not a file"
    with tempfile.NamedTemporaryFile() as place:
        place.write(data)
        place.flush()
        try:
            cr.Model.load(place.name)
        except ChainruleError as error:
            starved = "MemoryError" in "".join(traceback.format_exception(error))
            return "refused for want of memory" if starved else error.code
        except BaseException as error:
            return f"crashed: {type(error).__name__}: {str(error)[:100]}"
    return "loaded"


def used(case: Case) -> str:
    """Run the commands ``show`` and ``predict`` on a changed file and an honest row."""
    codes = []
    with tempfile.TemporaryDirectory() as folder, cr.settings.using(memory=MEMORY, engine=case.engine):
        model = Path(folder, "model.safetensors")
        rows = Path(folder, "rows.csv" if case.honest.table else "rows.npz")
        model.write_bytes(case.honest.packed(changed(case.honest.record, case.path, case.value)))
        if case.honest.table:
            rows.write_text(case.honest.table)
        else:
            np.savez(rows, **case.honest.x)
        for words in (["show", str(model)], ["predict", str(model), str(rows)]):
            told = io.StringIO()
            with redirect_stdout(told), redirect_stderr(told):
                try:
                    code = main([*words, "--lang", "en"])
                except BaseException as error:
                    return f"crashed in {words[0]}: {type(error).__name__}: {str(error)[:100]}"
            if FAULT in told.getvalue() or "Traceback" in told.getvalue():
                return f"crashed in {words[0]}: {told.getvalue()[-200:]}"
            codes.append(str(code))
    return " ".join(codes)


def run(quick: bool, seed: int) -> list[Section]:
    """The sections of the campaign: loading, and using what was loaded."""
    every = cases(0.1 if quick else 1.0, seed)
    first = Section("sizes in model files: load", remark=f"{SECONDS:.0f} s, {MEGABYTES:.0f} MB")
    kept = []
    for outcome in forked.run(loaded, every, TIMEOUT):
        _note(first, every[outcome.case], outcome, SECONDS, MEGABYTES)
        if outcome.told == "loaded":
            kept.append(every[outcome.case])
    then = Section("sizes in model files: show and predict", remark=f"{PREDICTING:.0f} s, {MEMORY >> 20} MiB")
    for outcome in forked.run(used, kept, TIMEOUT):
        _note(then, kept[outcome.case], outcome, PREDICTING, MEGABYTES + MEMORY / 1e6)
    return [first, then]


def _note(section: Section, case: Case, outcome: forked.Outcome, seconds: float, megabytes: float) -> None:
    """Count an outcome; one beyond the bounds is an event."""
    section.cases += 1
    section.worst_seconds = max(section.worst_seconds, outcome.seconds)
    section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
    bad = str(outcome.told).startswith(("crashed", "died", "hung", "refused for want"))
    if bad or outcome.seconds > seconds or outcome.megabytes > megabytes:
        section.events.append(
            f"{case}: {outcome.told}, {outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB"
        )
