"""Model files with changed sizes: each is refused or loaded in little time and memory.

Every number of every valid file takes many values: small ones, huge ones, other types, lists. The checksum of
the changed file is valid. A case loads it as ``cr.Model.load`` does; of a loaded model the case prints the
summary, computes the memory requirement and predicts a valid row.
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
from campaigns.hostile_cases.model_files import ValidFile, cases_of, changed, valid_files
from campaigns.hostile_cases.section import Section

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import ChainruleError

SECONDS = 1.0  # of processor time, to load
MEGABYTES = 100.0  # above those of the process before
PREDICTING = 20.0  # seconds to print, to compute the memory of a training and to predict a row
MEMORY = 256 * 2**20  # bytes that a prediction may take: cr.settings.memory
FAULT = "a fault of chainrule"  # how the command line reports an unexpected exception
USING_MEGABYTES = MEGABYTES + MEMORY / 1e6  # above those of the process before
TIMEOUT = 60.0  # seconds of wall time for a case


class Case(NamedTuple):
    """One changed value of a valid file."""

    file: ValidFile
    path: tuple[Any, ...]
    value: Any
    engine: str = "reference"

    @property
    def is_valid(self) -> bool:
        """Whether the file is unchanged and a network can have written it."""
        is_same = self.path == ("dtype",) and self.value == self.file.record["dtype"]
        return is_same and not self.file.name.startswith("attack")

    def __str__(self) -> str:
        return f"{self.file.name}: {'.'.join(map(str, self.path))} = {str(self.value)[:60]}"


def cases(share: float, seed: int, files: Sequence[ValidFile] | None = None) -> list[Case]:
    """The cases, or a fraction of them that has some of each file."""
    rng = np.random.default_rng(seed)
    selected = []
    for file in files or valid_files():
        every_part = not file.name.startswith(("layer", "loss"))
        own = [Case(file, path, value) for path, value in cases_of(file, every_part)]
        count = max(1, round(share * len(own)))  # at least one per file
        selected += [own[i] for i in sorted(rng.choice(len(own), count, replace=False))]
    return selected


def loaded(case: Case) -> str:
    """Load the changed file as ``cr.Model.load`` does, and describe the outcome."""
    try:
        data = case.file.packed(changed(case.file.record, case.path, case.value))
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
    """Run the commands ``show`` and ``predict`` on a changed file and a valid row."""
    codes = []
    with tempfile.TemporaryDirectory() as folder, cr.settings.using(memory=MEMORY, engine=case.engine):
        model = Path(folder, "model.safetensors")
        rows = Path(folder, "rows.csv" if case.file.table else "rows.npz")
        model.write_bytes(case.file.packed(changed(case.file.record, case.path, case.value)))
        if case.file.table:
            rows.write_text(case.file.table)
        else:
            np.savez(rows, **case.file.x)
        for words in (["show", str(model)], ["predict", str(model), str(rows)]):
            output = io.StringIO()
            with redirect_stdout(output), redirect_stderr(output):
                try:
                    code = main([*words, "--lang", "en"])
                except BaseException as error:
                    return f"crashed in {words[0]}: {type(error).__name__}: {str(error)[:100]}"
            if FAULT in output.getvalue() or "Traceback" in output.getvalue():
                return f"crashed in {words[0]}: {output.getvalue()[-200:]}"
            codes.append(str(code))
    return " ".join(codes)


def long_output() -> Case:
    """Return a model whose output is too long as text."""
    (padded,) = (file for file in valid_files() if file.name == "layer pad")
    return Case(padded, ("net", "padding", 0), 2**20)


def run(quick: bool, seed: int) -> list[Section]:
    """The sections of the campaign: loading, using the loaded models, resuming."""
    share = 0.012 if quick else 0.12
    file = list(valid_files())
    every = [*_unchanged([*file, *attacks()]), *cases(share, seed, file)]
    first = Section("model files: load", remark=f"bound: {SECONDS:.0f} s, {MEGABYTES:.0f} MB")
    loaded_cases = _note_all(first, loaded, every, SECONDS, MEGABYTES)
    then = Section(
        "model files: show and predict", remark=f"bound: {PREDICTING:.0f} s, {MEMORY >> 20} MiB for a row"
    )
    native = [case._replace(engine="native") for case in loaded_cases[:: 50 if quick else 10]]
    _note_all(then, used, [*loaded_cases, *native], PREDICTING, USING_MEGABYTES)
    resume = Section("checkpoints: resume", remark=f"bound: {PREDICTING:.0f} s, {MEGABYTES:.0f} MB")
    saved = checkpoints.cases(0.1 if quick else 1.0, seed)
    _note_all(resume, checkpoints.resumed, saved, PREDICTING, MEGABYTES)
    return [first, then, resume]


def _unchanged(files: list[ValidFile]) -> list[Case]:
    """The files without changes."""
    return [Case(file, ("dtype",), file.record["dtype"]) for file in files]


def _note_all(
    section: Section, function: Callable[[Any], str], every: Sequence[Any], seconds: float, megabytes: float
) -> list[Any]:
    """Run cases, count outcomes, record those beyond the bounds as events; return the loaded cases."""
    loaded_cases = []
    for outcome in forked.run(function, every, TIMEOUT):
        case, result = every[outcome.case], str(outcome.result)
        section.cases += 1
        section.worst_seconds = max(section.worst_seconds, outcome.seconds)
        section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
        bad = result.startswith(("crashed", "died", "hung", "refused for want"))
        bad |= result != "loaded" and function is loaded and case.is_valid
        if bad or outcome.seconds > seconds or outcome.megabytes > megabytes:
            section.events.append(f"{case}: {result}, {outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB")
        if result == "loaded":
            loaded_cases.append(case)
    return loaded_cases
