"""Model files whose sizes were changed: each is refused or loaded in little time and memory.

Every number of every honest file takes many values: small ones, huge ones, other types, lists. The file is
sealed again, so its checksum is right. A case loads it as ``cr.Model.load`` does; what loads prints its
summary, works out its memory and predicts an honest row.
"""

from __future__ import annotations

import io
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from campaigns.hostile_cases import checkpoints, forked
from campaigns.hostile_cases.model_attacks import attacks
from campaigns.hostile_cases.model_files import Honest, cases_of, changed, honest_files
from campaigns.hostile_cases.section import Section

import chainrule as cr
from chainrule.apps.cli.main import main
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

    @property
    def is_honest(self) -> bool:
        """Whether nothing is changed, in a file that a network could have written."""
        is_same = self.path == ("dtype",) and self.value == self.honest.record["dtype"]
        return is_same and not self.honest.name.startswith("attack")

    def __str__(self) -> str:
        return f"{self.honest.name}: {'.'.join(map(str, self.path))} = {str(self.value)[:60]}"


def cases(share: float, seed: int, files: Sequence[Honest] | None = None) -> list[Case]:
    """The cases, or a share of them that has some of each honest file."""
    rng = np.random.default_rng(seed)
    found = []
    for honest in files or honest_files():
        whole = not honest.name.startswith(("layer", "loss"))
        own = [Case(honest, path, value) for path, value in cases_of(honest, whole)]
        count = max(1, round(share * len(own)))  # at least one of each
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
    """The sections of the campaign: loading, using what was loaded, resuming."""
    share = 0.012 if quick else 0.12
    honest = list(honest_files())
    every = [*_unchanged([*honest, *attacks()]), *cases(share, seed, honest)]
    first = Section("model files: load", remark=f"bound: {SECONDS:.0f} s, {MEGABYTES:.0f} MB")
    kept = _note_all(first, loaded, every, SECONDS, MEGABYTES)
    then = Section(
        "model files: show and predict", remark=f"bound: {PREDICTING:.0f} s, {MEMORY >> 20} MiB for a row"
    )
    native = [case._replace(engine="native") for case in kept[:: 50 if quick else 10]]
    _note_all(then, used, [*kept, *native], PREDICTING, MEGABYTES + MEMORY / 1e6)
    resume = Section("checkpoints: resume", remark=f"bound: {PREDICTING:.0f} s, {MEGABYTES:.0f} MB")
    saved = checkpoints.cases(0.1 if quick else 1.0, seed)
    _note_all(resume, checkpoints.resumed, saved, PREDICTING, MEGABYTES)
    return [first, then, resume]


def _unchanged(files: list[Honest]) -> list[Case]:
    """The files as they are."""
    return [Case(each, ("dtype",), each.record["dtype"]) for each in files]


def _note_all(
    section: Section, function: Callable[[Any], str], every: Sequence[Any], seconds: float, megabytes: float
) -> list[Any]:
    """Run cases and count their outcomes, those beyond the bounds as events; the cases that loaded."""
    kept = []
    for outcome in forked.run(function, every, TIMEOUT):
        case, told = every[outcome.case], str(outcome.told)
        section.cases += 1
        section.worst_seconds = max(section.worst_seconds, outcome.seconds)
        section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
        bad = told.startswith(("crashed", "died", "hung", "refused for want"))
        bad |= told != "loaded" and function is loaded and case.is_honest
        if bad or outcome.seconds > seconds or outcome.megabytes > megabytes:
            section.events.append(f"{case}: {told}, {outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB")
        if told == "loaded":
            kept.append(case)
    return kept
