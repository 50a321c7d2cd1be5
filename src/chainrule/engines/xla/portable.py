"""A graph as a portable program: StableHLO for CPUs, GPUs and TPUs, which JAX can run without chainrule.

JAX reads such a file at least six months after it was written (the guarantee of ``jax.export``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax import export
from jax import numpy as jnp

from chainrule.engines.shape_binding import bind
from chainrule.engines.xla.graph_trace import graph_outputs
from chainrule.engines.xla.operations import Array, Indices
from chainrule.graph import Graph, Node

PLATFORMS = ("cpu", "cuda", "tpu")


def portable_program(outputs: Mapping[str, Node], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return nodes as the bytes of a program, whose symbolic sizes stay symbolic.

    Args:
        outputs: nodes by name. Their inputs that are not among ``arrays`` are those of the program, in one
            dictionary.
        arrays: inputs that become constants, such as the parameters of a network.
    """
    graph = Graph(outputs)
    specs = {name: node.spec for name, node in graph.inputs.items()}
    scope = export.SymbolicScope()
    inputs = {
        name: jax.ShapeDtypeStruct(
            export.symbolic_shape(",".join(map(str, spec.shape)), scope=scope), spec.dtype
        )
        for name, spec in specs.items()
        if name not in arrays
    }

    def run(passed: Mapping[str, Array]) -> dict[str, Array]:
        constants = {name: jnp.asarray(arrays[name]) for name in specs if name in arrays}
        values: dict[str, Any] = {**constants, **passed}
        return graph_outputs(graph, bind(specs, values), values, Indices())

    with jax.enable_x64(True):
        return bytes(export.export(jax.jit(run), platforms=PLATFORMS)(inputs).serialize())


def run_portable(program: bytes, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outputs of a program for these inputs, computed on the default device of JAX."""
    with jax.enable_x64(True):
        outputs: Any = export.deserialize(bytearray(program)).call(dict(inputs))
    return {name: np.array(value) for name, value in outputs.items()}
