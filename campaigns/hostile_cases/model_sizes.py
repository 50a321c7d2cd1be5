"""Model files whose sizes were changed: each is refused or loaded in little time and memory.

Every number of every honest file takes many values: small ones, huge ones, other types, lists. The file is
sealed again, so its checksum is right. A case loads it as ``cr.Model.load`` does; what loads prints its
summary, works out its memory and predicts an honest row.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from campaigns.hostile_cases import forked
from campaigns.hostile_cases.model_files import VALUES, Honest, changed, fields_of, honest_files
from campaigns.hostile_cases.section import Section
from chainrule.errors import ChainruleError

SECONDS = 1.0  # of processor time, to load
MEGABYTES = 100.0  # over what the process had before
PREDICTING = 20.0  # seconds to print, to work out the memory of a training and to predict a row
MEMORY = 256 * 2**20  # bytes that a prediction may take: cr.settings.memory
TIMEOUT = 60.0  # seconds of wall time for a case


class Case(NamedTuple):
    """One value of one honest file changed."""

    honest: Honest
    path: tuple[Any, ...]
    value: Any

    def __str__(self) -> str:
        return f"{self.honest.name}: {'.'.join(map(str, self.path))} = {str(self.value)[:60]}"


def cases(share: float, seed: int) -> list[Case]:
    """The cases, or a share of them that has some of each honest file."""
    rng = np.random.default_rng(seed)
    found = []
    for honest in honest_files():
        own = [Case(honest, path, value) for path in fields_of(honest.record) for value in VALUES]
        count = max(1, round(share * len(own)))
        found += [own[i] for i in sorted(rng.choice(len(own), count, replace=False))]
    return found


def load(case: Case) -> dict[str, Any]:
    """Load the changed file; say what happened."""
    try:
        data = case.honest.packed(changed(case.honest.record, case.path, case.value))
    except ChainruleError:
        return {"told": "not a file"}
    with tempfile.NamedTemporaryFile() as place:
        place.write(data)
        place.flush()
        try:
            model = cr.Model.load(place.name)
        except ChainruleError as error:
            causes = traceback.format_exception(error)
            ends = "MemoryError" in "".join(causes)
            return {"told": "refused for want of memory" if ends else error.code}
        except BaseException as error:
            return {"told": f"crashed: {type(error).__name__}: {str(error)[:100]}"}
    return {"told": "loaded", "model": model}


def loaded(case: Case) -> str:
    """Load a changed file."""
    return load(case)["told"]


def used(case: Case) -> str:
    """Load a changed file, and do with the model what the commands do."""
    found = load(case)
    if (model := found.get("model")) is None:
        return found["told"]
    model.engine = "reference"
    said = []
    with cr.settings.using(memory=MEMORY):
        for ask in (model.summary, lambda: str(model.memory(1)), lambda: model.predict(case.honest.x)):
            try:
                ask()
                said.append("fine")
            except ChainruleError as error:
                said.append(error.code)
            except BaseException as error:
                return f"crashed: {type(error).__name__}: {str(error)[:100]}"
    return " ".join(said)


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
