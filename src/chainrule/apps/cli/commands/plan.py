"""``chainrule plan``: the estimated cost of a training on one or many devices."""

from __future__ import annotations

from dataclasses import asdict
from itertools import takewhile
from typing import Annotated, Any, cast

import typer

from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.tables import model_table
from chainrule.apps.cli.texts import text_of
from chainrule.page import screen
from chainrule.settings import SHARDINGS, ParallelName, require_fast_layout, settings
from chainrule.tabular.options import Options
from chainrule.tabular.training import prepare_training
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor.scaling import KINDS
from chainrule.validation import choice


@with_options({**READING})
def plan(
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    *,
    target: Annotated[str | None, typer.Option(help="=target")] = None,
    net: Annotated[str, typer.Option(help="=net")] = "64 relu",
    batch_size: Annotated[int, typer.Option(help="=batch_size", min=1)] = 256,
    devices: Annotated[int, typer.Option(help="=plan_devices", min=1)] = 8,
    kind: Annotated[str, typer.Option(help="=plan_kind")] = "h100",
    parallel: Annotated[str, typer.Option(help="=plan_parallel")] = "deterministic",
    sharding: Annotated[str, typer.Option(help="=plan_sharding")] = "copies",
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Print the time and memory of a training step on 1, 2, 4, ... devices; nothing is trained."""
    choice(kind, KINDS, "--kind")
    choice(sharding, SHARDINGS, "--sharding")
    with settings.using(parallel=cast(ParallelName, parallel), sharding=sharding):
        require_fast_layout()
    reading = take_reading(options)
    chosen = Options(data, target or "", net=net, **asdict(reading))
    training = prepare_training(chosen)
    model, rows = training.model(), training.prepared.training.x
    screen.heading(text_of("net_heading"))
    model_table(model, specs_of({"x": rows}))
    screen.line()
    powers = takewhile(lambda n: n < devices, (2**power for power in range(64)))
    with settings.using(parallel=cast(ParallelName, parallel), sharding=sharding):
        result = model.scaling(batch_size, devices=[*powers, devices], kind=kind, inputs=rows[:1])
    screen.block(str(result))
    screen.line(text_of("plan_note"))
    return 0
