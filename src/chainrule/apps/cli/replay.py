"""Replay a step of a training by ``chainrule train`` from its run folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from chainrule.apps.cli.config_file import CONFIG, read_config
from chainrule.apps.cli.options import quoted
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.table_of_options import prepare_data
from chainrule.apps.cli.training_plan import plan_of
from chainrule.derive.replayed_step import Replay
from chainrule.errors import FileError, UsageError, fact
from chainrule.model import Model
from chainrule.store import RunFolder
from chainrule.train.checkpoint.model_file import load as load_state


def replay(run: str, data: str, step: int) -> Replay:
    """Replay a step of the training of a RUN with all its values.

    Args:
        run: the run folder; it is only read.
        data: the training data, with the name used for training.
        step: number of the step, from 1.

    Raises:
        FileError E533: a model file alone, which does not contain the options of the training.
        UsageError E603: other data. E530: no such step. Others as ``Model.replay``.
    """
    if not os.path.isdir(run):
        raise FileError(
            "E533", where=run, expected=fact("the folder of a training"),
            received=fact("a file") if os.path.exists(run) else fact("nothing"),
            fix=f"chainrule explain {run} DATA --row 1",
        )  # fmt: skip
    if os.path.isdir(Path(run) / "checkpoints") and not os.path.isfile(Path(run) / CONFIG):
        raise FileError(
            "E533", where=run, expected=fact("the folder of a training"),
            received=fact("checkpoints of a training in Python"),
            fix=f'model.replay({step}, x, y, run="{run}")',
        )  # fmt: skip
    state = load_state(model_file(run))
    folder = RunFolder.open(run)
    options, fingerprint = read_config(folder)
    prepared = prepare_data(options) if data == options.data else None
    if prepared is None or prepared.fingerprint != fingerprint:
        received = data if prepared is None else fact("other rows in {data}", data=data)
        raise UsageError("E603", where="replay", expected=options.data, received=received,
                         fix=f"chainrule explain {run} {quoted(options.data)} --step {step}")  # fmt: skip
    model = Model.of(replace(state, engine=options.engine or None))
    training, named = prepared.training, plan_of(options, prepared).fit_options()
    return model.replay(step, training.x, prepared.labels(training), **named, run=folder)
