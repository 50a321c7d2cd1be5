"""``chainrule resume``: resume a training, also a complete one with more epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.apps.cli.commands.train import end_of, run_training
from chainrule.errors import FileError, fact
from chainrule.escaping import quoted
from chainrule.store import RunFolder
from chainrule.tabular.run_folder import read_config
from chainrule.validation import out_of_range


def resume(
    run: Annotated[str, typer.Argument(help="=resumed_run", metavar="RUN")],
    epochs: Annotated[int | None, typer.Option(help="=more_epochs")] = None,
    engine: Annotated[str | None, typer.Option(help="=resumed_engine")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """Resume a training from its run folder.

    With more epochs, the result has the same bits as a training with this number of epochs from the start.

    Args:
        run: the run folder, which contains the options and the name of the data.
        epochs: the maximum number of epochs; ``None``: as before.
        engine: the engine of further steps, which have its last bits; ``None``: as before.

    Raises:
        FileError E604: the folder contains no training, or no checkpoint. FileError E505: the learning rates
            depend on the number of epochs. UsageError E102: fewer epochs than are complete.
    """
    folder = RunFolder.open(run)
    options, fingerprint = read_config(folder)
    if epochs is not None and not (epochs == options.epochs and options.is_passed("epochs")):
        checkpoint = folder.latest()
        if checkpoint is None:
            expected = fact("a run folder with a checkpoint")
            fix = f"chainrule train {quoted(options.data)} --epochs {epochs}"
            raise FileError("E604", where=run, expected=expected, received=fact("none"), fix=fix)
        complete, _ = end_of(checkpoint)
        if epochs < complete:
            raise out_of_range(epochs, "epochs", "--epochs", f">= {complete}", fix=f"--epochs {2 * complete}")
        options = options.with_passed({"epochs": epochs})
    if engine is not None:
        options = options.with_passed({"engine": engine})
    try:
        return run_training(options, Path(run), True, fingerprint, f" --lang {lang}" if lang else "")
    except FileError as error:
        if error.code == "E505" and epochs is not None:  # learning rates that depend on the epochs
            error.fix = options.command()
        raise
