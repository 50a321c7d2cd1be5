"""How much memory a training takes, and the refusal of one that cannot fit.

Both happen before anything is allocated: no parameter is drawn, no batch is fetched. The graph, the plan and
the machine's cores tell all that an engine will ask for; what the loop itself keeps (the parameters as they
were before a stretch of steps, to return to) is counted here. The data set lies in memory already and is not
counted again.

Questions put to a trained net have no batch size that anyone chose, so they are never refused while one row
fits: they go through in blocks that are small enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError
from chainrule.notation.units import amount
from chainrule.plan.memory_requirement import (
    MemoryRequirement,
    largest_batch,
    memory_upper_bound,
    reference_memory,
)
from chainrule.settings import free_memory, planning_cores, settings
from chainrule.spec import Spec, size_at
from chainrule.train.inputs.target import Target
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.probe import Prober
from chainrule.train.network import Network
from chainrule.train.nonfinite.recorder import retained_states
from chainrule.train.options import FitOptions
from chainrule.train.step import GROUPS, Step, training_step

TEXT = 120  # bytes of a number as a Python object and as text
ORDER = 60  # bytes a row in the order of the rows: four orders are kept while the next one is drawn
BLOCK = 1024  # rows of a question that are answered at once, at most,
BUDGET = 256 * 2**20  # and the bytes that doing so may take, where more than one row is at once


def memory_of(model: ModelState, batch_size: int) -> MemoryRequirement:
    """What a training of a model takes besides its data; see ``chainrule.Model.memory``."""
    if model.network is None:
        raise TrainingError("E503", where="memory", fix="model.initialize(inputs)")
    batch = FitOptions(1, batch_size, 0).batch_size or 1
    return training_need(model.network, training_step(model.network, weighted=False, horizon=1), batch)


def training_need(
    network: Network, step: Step, batch: int, rows: int = 0, probes: bool = True
) -> MemoryRequirement:
    """What a training takes besides its data.

    Args:
        network, step: what is trained.
        batch: samples in a batch.
        rows: of the data set; 0 when it is not known, then every batch is full.
        probes: whether the net is looked into now and then.
    """
    rest = rows % batch if rows > batch else 0
    last = _step_need(network, step, rest).total if rest else 0
    whole = _step_need(network, step, batch)
    kept, passing = _state(network, step)
    need = whole + MemoryRequirement({"last": last, "state": kept + passing, "order": ORDER * rows})
    if probes:
        # Between two steps: what only a step takes is not there.
        free = passing if step.program.has_trainer(network.engine) else whole.total + last
        need += MemoryRequirement({"probes": max(0, Prober(network, step, batch).need - free)})
    return need + MemoryRequirement({"drawing": max(0, _drawing(network) - need.total)})


def refuse_too_large(network: Network, step: Step, batch: int, rows: int, probes: bool = True) -> None:
    """Refuse a training that does not fit into the memory that is free.

    Args:
        network, step, batch, rows, probes: as for ``training_need``.

    Raises:
        TrainingError E508: it does not fit; says how much it takes, what takes most, and the largest batch
            that would fit.
    """
    free = free_memory()
    certain = sum(_state(network, step)) + _drawing(network) + ORDER * rows
    cores = planning_cores()
    bound = step.memo(("memory bound", batch, cores), lambda: memory_upper_bound(step.graph, batch, cores))
    if 2 * bound + certain <= free:
        return  # by far: known without a plan
    need = training_need(network, step, batch, rows, probes)
    if need.total <= free:
        return
    fits = _largest_batch(network, step, batch, rows, probes)
    raise _too_large(
        (f"a training step of {batch} samples", f"{batch} 个样本的一步训练"), need, free,
        f"batch_size={fits}" if fits else "a smaller net: with one sample in a batch it does not fit either",
    )  # fmt: skip


def _largest_batch(network: Network, step: Step, batch: int, rows: int, probes: bool) -> int:
    """The largest batch that fits; 0 when not even one sample does.

    A smaller batch at an epoch's end takes memory of its own. So sizes that divide the rows, and have none,
    are tried by themselves.
    """
    free = free_memory()

    def need(size: int) -> int:
        return training_need(network, step, size, rows, probes).total

    even = [size for size in range(1, batch) if rows % size == 0]
    return max(largest_batch(need, free, sizes) for sizes in (range(1, batch), even))


def rows_per_block(program: Program, rows: int) -> int:
    """How many rows a program is to be asked about at once: as many as there are, or as fit.

    The memory that is free is looked at once for each program and number of rows.

    Raises:
        TrainingError E508: not even one row fits.
    """
    known = _BLOCKS.setdefault(program, {})
    key = max(1, min(rows, BLOCK)), settings.memory
    if key not in known:
        known[key] = _rows_at_once(program, key[0])
    return known[key]


_BLOCKS: WeakKeyDictionary[Program, dict[tuple[int, int], int]] = WeakKeyDictionary()


def _rows_at_once(program: Program, rows: int) -> int:
    free = free_memory()
    most = min(BUDGET, free)
    while (
        rows > 1
        and memory_upper_bound(program.graph, rows, 1) > most
        and program.memory_requirement({"B": rows}).total > most
    ):
        rows = -(-rows // 2)
    need = (
        program.memory_requirement({"B": rows})
        if rows == 1 and memory_upper_bound(program.graph, rows, 1) > free
        else MemoryRequirement({})
    )
    if need.total > free:
        raise _too_large(("the answer to one sample", "对一个样本的预测"), need, free, "a smaller net")
    return rows


def refuse_long_text(targets: Mapping[str, Target], rows: int) -> None:
    """Refuse answers that do not fit into the memory that is free once they are text.

    Args:
        targets: what each output is asked for.
        rows: how many are answered.

    Raises:
        TrainingError E508: they do not fit.
    """
    numbers = 0
    for target in targets.values():
        shape = target.output.shape[1:-1] if target.is_classes else target.output.shape[1:]
        numbers += rows * math.prod(size_at(axis, {"B": 1}) for axis in shape)
    need, free = MemoryRequirement({"outputs": numbers * TEXT}), free_memory()
    if need.total > free:
        raise _too_large(("the answers as text", "文本形式的预测"), need, free, "model.predict(x) in Python")


@contextmanager
def refuse_memory_error(program: Program) -> Iterator[None]:
    """Turn a ``MemoryError`` inside into a refusal.

    Raises:
        TrainingError E508: memory ran out all the same.
    """
    try:
        yield
    except MemoryError as cause:
        need = program.memory_requirement({"B": 1})
        raise _too_large(("the prediction", "预测"), need, free_memory(), "fewer rows at once") from cause


def _step_need(network: Network, step: Step, batch: int) -> MemoryRequirement:
    need = step.program.memory_requirement(_data(network), batch, network.engine)
    if step.program.has_trainer(network.engine):
        return need
    fetched = [node.spec for label, node in step.graph.inputs.items() if label in _data(network)]
    return need + MemoryRequirement({"rows": _bytes(fetched, batch)})


def _data(network: Network) -> set[str]:
    """The inputs of a step whose rows are fetched from the data set."""
    return {*network.inputs, *network.target_names.values(), "sample_weight"}


def _state(network: Network, step: Step) -> tuple[int, int]:
    """Bytes of all copies of the parameters, the layers' running values and the optimizer's memory; and of
    those that are only there while a new state is made."""
    return step.memo(("state", network.engine or settings.engine), lambda: _state_bytes(network, step))


def _state_bytes(network: Network, step: Step) -> tuple[int, int]:
    own = [p.spec for p in (*network.parameters.values(), *network.inference.states.values())]
    data = _data(network)
    kept = [node.spec for label, node in step.graph.inputs.items() if label not in data]
    states = retained_states(_bytes(kept))  # of the loop, from which it made and makes its steps
    held = _bytes(own) + states * _bytes(kept)
    if not step.program.has_trainer(network.engine):
        return held, 0  # the new ones are the step's outputs
    # Where one is kept, its groups are replaced one after the other.
    newest = max(_bytes(_group(step, prefix)) for prefix in GROUPS) if states == 1 else 0
    return held + _bytes(kept), newest  # the engine has its own


def _drawing(network: Network) -> int:
    """Bytes that are taken before the first step, while the first values are drawn."""
    return network.memo("drawing", lambda: reference_memory(network.initial_values, {}).total)


def _group(step: Step, prefix: str) -> list[Spec]:
    """The specs of the outputs of one group that are the next step's inputs."""
    return [node.spec for name, node in step.graph.outputs.items() if name.startswith(prefix)]


def _bytes(specs: Iterable[Spec], batch: int = 1) -> int:
    return sum(size_at(spec.size, {"B": batch}) * np.dtype(spec.dtype).itemsize for spec in specs)


def _too_large(what: tuple[str, str], need: MemoryRequirement, free: int, fix: str) -> TrainingError:
    return TrainingError(
        "E508", what=what[0], what_zh=what[1], expected=f"at most {_told(free)}", received=_told(need.total),
        notes=[need.largest], fix=fix,
    )  # fmt: skip


def _told(size: int) -> str:
    return f"{size:,} bytes ({amount(size, 'B')})"
