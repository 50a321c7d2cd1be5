"""Initial values of parameters and states: graphs of random numbers, evaluated for a key.

The values must be the same on every machine. The reference engine computes them, except for

- products of matrices (orthogonal initial values): those of the library that NumPy calls depend on the
  processor, those of the native engine do not;
- many uniform random numbers, if the native engine runs the network: it samples the same bits as the
  reference implementation in a tenth of the time. Arithmetic on them that IEEE 754 rounds correctly is
  compiled together with them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, Node, input_node, order, rebuild
from chainrule.memoization import Memo
from chainrule.prng import KEY
from chainrule.settings import settings
from chainrule.symbolic_shape import size_at
from chainrule.train.monitor.compiled_update import EXACT

COPIED = {"input", "constant", "broadcast", "uniform"}
"""Other operations of which every implementation has the same bits."""
MANY = 1 << 15  # uniform random numbers that compiled code samples
SMALL, KEPT = 1 << 14, 16  # elements of a compiled program that networks share, and the number of these

_shared = Memo(KEPT)
"""Programs of small products of matrices: a search creates many networks with the same layers."""


def sample(
    nodes: Mapping[str, Node], key: np.ndarray, engine: str | None, memo: Memo
) -> dict[str, np.ndarray]:
    """Return the values of some nodes for a random key, by path.

    Args:
        nodes: by path; functions of the random key alone.
        engine: the engine of the network; ``None``: that of the settings.
        memo: keeps the programs.
    """
    is_native = (engine or settings.engine) == "native"
    values: dict[str, np.ndarray] = {}
    groups: dict[str, dict[str, Node]] = {"reference": {}, "native": {}}
    for path, node in nodes.items():
        inside = order([node])
        draws = [n for n in inside if n.op.name == "uniform" and size_at(n.spec.size, {}) >= MANY]
        if any(n.op.name == "matmul" for n in inside):
            groups["native"][path] = node
        elif is_native and draws and all(n.op.name in EXACT | COPIED for n in inside):
            # The program is not kept: it has an array for its result.
            values[path] = compile(Graph({"value": node}), "native").run({KEY: key})["value"]
        elif is_native and draws:
            values[path] = _from_draws(node, draws, key, memo)
        else:
            groups["reference"][path] = node
    for name, group in groups.items():
        if group:
            results = _program(group, name, memo).run({KEY: key})
            values |= {path: np.array(results.pop(path)) for path in group}  # in turn: they may be large
    return values


def _program(nodes: Mapping[str, Node], engine: str, memo: Memo) -> Program:
    elements = sum(size_at(node.spec.size, {}) for node in nodes.values())
    target = settings.vector_bytes, settings.portable_bits, settings.cores
    programs = _shared if engine == "native" and elements <= SMALL else memo
    return programs(("initial values", engine, target, *nodes.items()), lambda: compile(Graph(nodes), engine))


def _from_draws(node: Node, draws: list[Node], key: np.ndarray, memo: Memo) -> np.ndarray:
    """Return the value of a node whose uniform random numbers the native engine samples."""
    inputs = {draw: input_node(f"draw {i}", draw.shape, draw.dtype) for i, draw in enumerate(draws)}
    sampled = {  # the program is not kept: it has an array for its result
        inputs[draw].op.attributes["label"]: compile(Graph({"u": draw}), "native").run({KEY: key})["u"]
        for draw in draws
    }
    program = memo(
        ("initial value", node), lambda: compile(Graph({"value": rebuild([node], inputs)[0]}), "reference")
    )
    arrays = {**sampled, KEY: key}
    result = program.run({name: arrays[name] for name in program.graph.inputs})["value"]
    return result if result.base is None and result.flags.c_contiguous else np.array(result)
