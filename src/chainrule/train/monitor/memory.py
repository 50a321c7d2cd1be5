"""Memory requirement of a training, computed in advance, and the refusal of a training that does not fit.

Both happen before anything is allocated: no parameter is sampled and no batch is gathered. Graph, plan and
number of cores determine what an engine allocates; this module adds what the training loop keeps (the states
from which recent steps can be replayed). The data set is in memory already and is not counted.

The user does not choose a batch size for predictions. They are therefore computed in blocks that fit, and are
refused only if a single row does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.engines.dispatch import Program, device_memory
from chainrule.errors import Message, TrainingError, fact
from chainrule.notation.number_format import amount
from chainrule.plan.inference_chunks import couples_rows
from chainrule.plan.memory_requirement import (
    MemoryRequirement,
    largest_batch,
    memory_upper_bound,
    reference_memory,
)
from chainrule.settings import free_memory, planning_cores, settings
from chainrule.symbolic_shape import Spec, size_at
from chainrule.train.fit_options import FitOptions
from chainrule.train.inputs.target import Target
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.probe import Prober
from chainrule.train.monitor.scaling import step_memory
from chainrule.train.network import Network
from chainrule.train.nonfinite.failed_step_replay import retained_states
from chainrule.train.step_graph import GROUPS, Step, training_step
from chainrule.validation import trained_network

TEXT = 120  # bytes of a number as a Python object and as text
ORDER = 60  # bytes of a row in the order of the rows: four orders exist while the next one is sampled
BLOCK = 4096  # maximum number of rows that are predicted at once
BUDGET = 256 * 2**20  # maximum memory of such a block in bytes, if it has more than one row


def memory_of(model: ModelState, batch_size: int) -> MemoryRequirement:
    """Return the memory requirement of a training without its data; see ``chainrule.Model.memory``."""
    network = trained_network(model, "memory", "model.initialize(inputs)")
    batch = FitOptions(1, batch_size, 0).batch_size or 1
    return training_memory(network, training_step(network, weighted=False, horizon=1), batch)


def training_memory(
    network: Network, step: Step, batch: int, rows: int = 0, probes: bool = True
) -> MemoryRequirement:
    """Return the memory requirement of a training without its data.

    Args:
        batch: samples in a batch.
        rows: rows of the data set; 0 if unknown, then every batch is full.
        probes: whether probes are measured during the training.
    """
    rest = rows % batch if rows > batch else 0
    last = _step_memory(network, step, rest).total if rest else 0
    full = _step_memory(network, step, batch)
    states, temporary = _state(network, step)
    memory = full + MemoryRequirement({"last": last, "state": states + temporary, "order": ORDER * rows})
    if probes:
        # Probes are measured between two steps, when the memory of a step is free.
        free = temporary if step.program.has_trainer(network.engine) else full.total + last
        memory += MemoryRequirement({"probes": max(0, Prober(network, step, batch).memory - free)})
    return memory + MemoryRequirement({"drawing": max(0, _initialization(network) - memory.total)})


def refuse_too_large(network: Network, step: Step, batch: int, rows: int, probes: bool = True) -> None:
    """Refuse a training that does not fit into the free memory.

    Args:
        network, step, batch, rows, probes: as for ``training_memory``.

    Raises:
        TrainingError E508: it does not fit; contains the requirement, its largest part, and the largest batch
            size that fits.
    """
    on_devices = device_memory(network.engine)
    if on_devices is not None:
        refuse_on_devices(step, batch, _bytes(_data_specs(network, step), rows), *on_devices)
    free = free_memory()
    certain = sum(_state(network, step)) + _initialization(network) + ORDER * rows
    cores = planning_cores()
    bound = step.memo(("memory bound", batch, cores), lambda: memory_upper_bound(step.graph, batch, cores))
    if 2 * bound + certain <= free:
        return  # the upper bound needs no plan
    memory = training_memory(network, step, batch, rows, probes)
    if memory.total <= free:
        return
    fits = _largest_batch(network, step, batch, rows, probes)
    raise _too_large(
        fact("a training step of {batch} samples", batch=batch),
        memory,
        free,
        (
            f"batch_size={fits}"
            if fits
            else fact("a smaller network: one sample in a batch does not fit either")
        ),
    )


def refuse_on_devices(step: Step, batch: int, data: int, devices: int, free: int) -> None:
    """Refuse a training step that does not fit into the memory of its devices.

    Args:
        step: the step.
        batch: samples in a batch, of all devices together.
        data: bytes of the data set, which every device has.
        devices: the number of devices.
        free: bytes that each of them has.

    Raises:
        TrainingError E508: it does not fit; contains the largest batch size that fits.
    """

    def memory(size: int) -> int:
        return step_memory(step, size, devices) + data

    if memory(batch) <= free:
        return
    fits = largest_batch(memory, free, range(1, batch))
    requirement = MemoryRequirement({"work": memory(batch) - data, "data": data})
    raise _too_large(
        fact("a training step of {batch} samples on {devices} devices", batch=batch, devices=devices),
        requirement,
        free,
        (
            f"batch_size={fits}"
            if fits
            else fact("more devices, or a smaller network: one sample in a batch does not fit either")
        ),
    )


def _largest_batch(network: Network, step: Step, batch: int, rows: int, probes: bool) -> int:
    """Return the largest batch size that fits; 0 if not even one sample fits.

    A smaller last batch of an epoch needs additional memory. Batch sizes that divide the number of rows do
    not have one, so the search runs over these separately.
    """
    free = free_memory()

    def memory(size: int) -> int:
        return training_memory(network, step, size, rows, probes).total

    divisors = [size for size in range(1, batch) if rows % size == 0]
    return max(largest_batch(memory, free, sizes) for sizes in (range(1, batch), divisors))


def rows_per_block(program: Program, rows: int) -> int:
    """Return the number of rows that a program computes at once: all of them, or as many as fit.

    Where rows depend on each other, as in ``x - x.mean(0)``, it is all of them.

    The free memory is read once for each program and number of rows.

    Raises:
        TrainingError E508: not even one row fits; or rows that depend on each other do not fit together.
    """
    cache = _BLOCKS.setdefault(program, {})
    if rows > BLOCK and couples_rows_of(program):
        key = rows, settings.memory
    else:
        key = max(1, min(rows, BLOCK)), settings.memory
    if key not in cache:
        cache[key] = _fitting_rows(program, key[0])
    return cache[key]


def couples_rows_of(program: Program) -> bool:
    """Return whether a row of an output of a program depends on other rows."""
    if program not in _COUPLED:
        _COUPLED[program] = couples_rows(program.graph)
    return _COUPLED[program]


_BLOCKS: WeakKeyDictionary[Program, dict[tuple[int, int], int]] = WeakKeyDictionary()
_COUPLED: WeakKeyDictionary[Program, bool] = WeakKeyDictionary()


def _fitting_rows(program: Program, rows: int) -> int:
    free = free_memory()
    budget = min(BUDGET, free)
    if memory_upper_bound(program.graph, rows, 1) > budget and couples_rows_of(program):
        _refuse_rows(program, rows, free)
        return rows
    while (
        rows > 1
        and memory_upper_bound(program.graph, rows, 1) > budget
        and program.memory_requirement({"B": rows}).total > budget
    ):
        rows = -(-rows // 2)
    memory = (
        program.memory_requirement({"B": rows})
        if rows == 1 and memory_upper_bound(program.graph, rows, 1) > free
        else MemoryRequirement({})
    )
    if memory.total > free:
        what = fact("the prediction for one sample")
        raise _too_large(what, memory, free, fact("a smaller network"))
    return rows


def _refuse_rows(program: Program, rows: int, free: int) -> None:
    """Refuse rows that depend on each other and do not fit into the memory together."""
    memory = program.memory_requirement({"B": rows})
    if memory.total > free:
        what = fact("the prediction of {rows} rows, of which each depends on the others", rows=rows)
        raise _too_large(what, memory, free, fact("fewer rows at a time"))


def refuse_long_text(targets: Mapping[str, Target], rows: int) -> None:
    """Refuse predictions of this many rows that do not fit into the free memory as text (E508)."""
    numbers = 0
    for target in targets.values():
        shape = target.output.shape[1:-1] if target.is_classes else target.output.shape[1:]
        numbers += rows * math.prod(size_at(axis, {"B": 1}) for axis in shape)
    memory, free = MemoryRequirement({"outputs": numbers * TEXT}), free_memory()
    if memory.total > free:
        what = fact("the predictions as text")
        raise _too_large(what, memory, free, fact("model.predict(x) in Python"))


class refuse_memory_error:  # noqa: N801 (named as a context of contextlib, which takes longer)
    """Context that converts a ``MemoryError`` inside the block to E508.

    Args:
        program: whose memory the error states.
    """

    def __init__(self, program: Program) -> None:
        self.program = program

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MemoryError):
            memory = self.program.memory_requirement({"B": 1})
            where, fix = fact("the prediction"), fact("fewer rows at once")
            raise _too_large(where, memory, free_memory(), fix) from error


def _step_memory(network: Network, step: Step, batch: int) -> MemoryRequirement:
    memory = step.program.memory_requirement(_data(network), batch, network.engine)
    if step.program.has_trainer(network.engine):
        return memory
    return memory + MemoryRequirement({"rows": _bytes(_data_specs(network, step), batch)})


def _data_specs(network: Network, step: Step) -> list[Spec]:
    """Return the specs of the inputs of a step whose rows are gathered from the data set."""
    return [node.spec for label, node in step.graph.inputs.items() if label in _data(network)]


def _data(network: Network) -> set[str]:
    """Return the inputs of a step whose rows are gathered from the data set."""
    return {*network.inputs, *network.target_names.values(), "sample_weight"}


def _state(network: Network, step: Step) -> tuple[int, int]:
    """Return the bytes of all copies of parameters, running statistics and optimizer state.

    Temporary copies, which only exist while a new state is created, are included.
    """
    return step.memo(("state", network.engine or settings.engine), lambda: _state_bytes(network, step))


def _state_bytes(network: Network, step: Step) -> tuple[int, int]:
    parameters = [p.spec for p in (*network.parameters.values(), *network.inference.states.values())]
    data = _data(network)
    state = [node.spec for label, node in step.graph.inputs.items() if label not in data]
    count = retained_states(_bytes(state))  # from which recent steps can be replayed
    total = _bytes(parameters) + count * _bytes(state)
    if not step.program.has_trainer(network.engine):
        return total, 0  # a new state consists of the step's outputs
    # If a single state is retained, its groups are replaced one after the other.
    newest = max(_bytes(_group(step, prefix)) for prefix in GROUPS) if count == 1 else 0
    return total + _bytes(state), newest  # the engine has a copy


def _initialization(network: Network) -> int:
    """Return bytes needed before the first step, while the initial values are sampled."""
    return network.memo("initialization memory", lambda: reference_memory(network.initial_values, {}).total)


def _group(step: Step, prefix: str) -> list[Spec]:
    """Return the specs of the outputs of one group that are inputs of the next step."""
    return [node.spec for name, node in step.graph.outputs.items() if name.startswith(prefix)]


def _bytes(specs: Iterable[Spec], batch: int = 1) -> int:
    return sum(size_at(spec.size, {"B": batch}) * np.dtype(spec.dtype).itemsize for spec in specs)


def _too_large(what: Message, memory: MemoryRequirement, free: int, fix: str) -> TrainingError:
    expected = fact("at most {limit}", limit=_bytes_text(free))
    received = _bytes_text(memory.total)
    notes = [memory.largest]
    return TrainingError("E508", what=what, expected=expected, received=received, notes=notes, fix=fix)


def _bytes_text(size: int) -> Message:
    return fact("{size:,} bytes ({amount})", size=size, amount=amount(size, "B"))
