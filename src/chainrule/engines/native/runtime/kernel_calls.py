"""Kernel calls of a task: kernels, and the blocks of sizes, strides and addresses that they read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.engines.native.codegen import loop_reduction_and_index_calls as calls
from chainrule.engines.native.codegen import resample
from chainrule.engines.native.codegen.vector import EMIT
from chainrule.engines.native.convolution import depthwise
from chainrule.engines.native.gemm import matmul_calls
from chainrule.engines.native.runtime import scan
from chainrule.engines.native.runtime.call_builder import Call, CallBuilder
from chainrule.plan.rules import convolution
from chainrule.plan.tasks import Task


def task_calls(builder: CallBuilder, task: Task) -> list[Call] | None:
    """Return the calls of a task, or ``None`` if it has no kernel and runs by reference."""
    rule = RULES.get(task.kind)
    return None if rule is None else rule(builder, task)


def _scan(builder: CallBuilder, task: Task) -> list[Call]:
    """Build a loop over time: one call whose block holds the calls of a step."""
    calls: list[Call] = []
    for inner in task.facts["tasks"]:
        calls += task_calls(builder, inner) or []
    moving = task.facts["moving"]
    sizes = {number: np.dtype(builder.buffers[number].dtype).itemsize for number in moving}
    kernel = builder.machine.function(scan.SOURCE, scan.write)
    return [Call(kernel, scan.words(task.facts["steps"], calls, moving, sizes))]


Rule = Callable[[CallBuilder, Task], "list[Call]"]
RULES: dict[str, Rule] = {
    "loop": calls.loop,
    "copy": calls.copy,
    "combine": calls.combine,
    "linear_transform": calls.linear_transform,
    "matmul": matmul_calls.matmul,
    "table_matmul": matmul_calls.table_matmul,
    "dot_products": matmul_calls.dot_products,
    "depthwise": depthwise.forward,
    "depthwise_gradient": depthwise.weight_gradient,
    **dict.fromkeys(("sum", "max", "min", "argmax"), calls.reduce),
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), calls.softmax),
    "gather": calls.gather,
    "scatter_add": calls.scatter_add,
    "one_hot": calls.one_hot,
    **dict.fromkeys(("uniform", "normal"), calls.random_numbers),
    "resample": resample.resample,
    "scan": _scan,
}

# Kinds of tasks that are not named after an operation.
FUSED_KINDS = tuple(
    ("loop copy combine linear_transform table_matmul dot_products depthwise depthwise_gradient").split()
)
_WITHOUT_KERNEL = (
    "clip cast input constant transpose reshape broadcast slice remat concatenate pad extent".split()
)
COVERED = {*EMIT, *_WITHOUT_KERNEL, *convolution.RULES, *(kind for kind in RULES if kind not in FUSED_KINDS)}
"""The operations that have a kernel, are part of a loop, or need neither."""
