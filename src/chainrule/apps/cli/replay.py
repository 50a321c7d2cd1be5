"""An update of a training by ``chainrule train``: the run's folder says all that decides how it went."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from chainrule.apps.cli.options import CONFIG, quoted, read_config
from chainrule.apps.cli.prepared_data import Study
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.run_writer import lesson, named
from chainrule.derive.replayed_step import Replay
from chainrule.errors import FileError, UsageError
from chainrule.model import Model
from chainrule.store import RunFolder
from chainrule.train.checkpoint.model_file import load as load_state


def replay(run: str, data: str, step: int) -> Replay:
    """One update of the training behind a RUN with all its numbers: the training is made again up to it.

    Args:
        run: the folder that ``chainrule train`` wrote; it is only read.
        data: the rows it was trained on, named as then.
        step: which update, from 1.

    Raises:
        FileError E533: a model file alone, which does not say how it was trained.
        UsageError E603: other rows than those of the training. E530: no such update. Else as
            ``Model.replay``.
    """
    if not os.path.isdir(run):
        raise FileError(
            "E533", where=run, expected="the folder of a training",
            received="a file" if os.path.exists(run) else "nothing",
            fix=f"chainrule explain {run} DATA --row 1",
        )  # fmt: skip
    if os.path.isdir(Path(run) / "checkpoints") and not os.path.isfile(Path(run) / CONFIG):
        raise FileError(
            "E533", where=run, expected="the folder of a training",
            received="checkpoints of a training in Python",
            fix=f'model.replay({step}, x, y, run="{run}")',
        )  # fmt: skip
    state = load_state(model_file(run))
    folder = RunFolder.open(run)
    known, fingerprint = read_config(folder)
    study = Study.of(known) if data == known.data else None
    if study is None or study.table.fingerprint != fingerprint:
        received = data if study is None else f"other rows in {data}"
        raise UsageError("E603", where="replay", expected=known.data, received=received,
                         fix=f"chainrule explain {run} {quoted(known.data)} --step {step}")  # fmt: skip
    model = Model.of(replace(state, engine=known.engine or None))
    asked = lesson(known, study)
    return model.replay(step, study.training.x, named(study, study.training), **asked, run=folder)
