"""Random numbers of the network in a private training: a function of the row, not of its place in the batch.

The random numbers of a step, such as the mask of a dropout, are usually counted over the whole batch. Without
its first row every later row would then get the mask of another one, and the sum of clipped gradients would
change by the terms of all rows instead of one: its sensitivity would be n C, not C.

Here each row has a key of its own, from which all its numbers are computed::

    key of a row in a step = threefry(key of the step, hash of the row)

The hash is that of the content of the row, inputs and targets, so it does not depend on the number, order or
content of other rows. The gradient of a row is then a function of this row, the parameters and the seed, and
the clipped sum changes by at most C for any row that is removed or added, even for someone with the
seed. Equal rows have equal masks.

Numbers without a batch axis, such as the regions of ``FractionalMaxPool``, are one value for all rows and
depend on none. Numbers that mix the batch with another axis are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np

from chainrule.graph import Input, Node, input_node, make, order, rebuild
from chainrule.ops.batch_axis import roles
from chainrule.ops.random_ops import Draw
from chainrule.prng import KEY, threefry

ROW_KEYS = "random keys of rows"
"""The name of the input with the key of each row, (B, 2)."""


def with_row_keys(losses: Node) -> Node:
    """Return the losses of single samples, with random numbers that depend on the row alone."""
    nodes = order([losses])
    known = roles(nodes)
    random = [node for node in nodes if isinstance(node.op, Draw) and known[node].kind == "sample"]
    if not random:
        return losses
    keys = input_node(ROW_KEYS, ("B", 2), "uint32")
    return rebuild([losses], {node: make(node.op, keys) for node in random})[0]


def unsafe_draw(losses: Node) -> Node | None:
    """Return a node that computes numbers of several rows from the key of the step, if there is one."""
    nodes = order([losses])
    known = roles(nodes)
    for node in nodes:
        if not any(isinstance(s.op, Input) and s.op.label == KEY for s in node.inputs):
            continue
        if not isinstance(node.op, Draw) or known[node].kind != "shared":
            return node
    return None


def row_words(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the hash of the content of each row, (N, 2) uint32, from inputs and targets by name."""
    arrays = [inputs[name] for name in sorted(inputs)]
    digests = [
        blake2b(b"".join([np.asarray(array[i]).tobytes() for array in arrays]), digest_size=8).digest()
        for i in range(len(arrays[0]))
    ]
    return np.frombuffer(b"".join(digests), "<u4").reshape(-1, 2).astype(np.uint32)


def keys_of_rows(step_key: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return the key of each row in a step, (n, 2) uint32, from its ``row_words`` and the step's key (2,)."""
    return np.stack(threefry(step_key, words[:, 0], words[:, 1]), axis=1)
