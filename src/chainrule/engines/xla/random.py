"""Random numbers in JAX, with the same bits as ``chainrule.prng``: Threefry-2x32 over a counter.

``jax.random`` also uses Threefry, but splits keys and lays out counters in another way, so its numbers would
be others than those of the engines on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from jax import numpy as jnp

from chainrule import prng

Array: TypeAlias = Any  # jax.Array, or a tracer of one
Words: TypeAlias = tuple[Array, Array]


def threefry(key: Words, counter: Words) -> Words:
    """Return two words of random bits for each counter; see ``prng.threefry``.

    Args:
        key: the two words of the key, uint32, of a shape that broadcasts with the counter's.
        counter: its two words, uint32.
    """
    keys = (*key, key[0] ^ key[1] ^ jnp.uint32(prng.PARITY))
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(5):
        for bits in prng.ROTATIONS[group % 2]:
            x = x + y
            y = ((y << bits) | (y >> (32 - bits))) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return x, y


def draw(op: Any, key: Array, begin: Array | int = 0) -> Array:
    """Return the numbers of a random operation.

    Args:
        op: the card, with bound sizes.
        key: uint32 (2,), or one key for each row, (n, 2).
        begin: the place of the first number in the stream of its key, uint64.
    """
    high, low = (jnp.uint32(int(word)) for word in prng.key_of(op.stream))
    words = threefry((key[..., 0], key[..., 1]), (high, low))
    rows = key.shape[0] if key.ndim == 2 else 1
    index = jnp.arange(math.prod(op.shape) // max(rows, 1), dtype=jnp.uint64) + begin
    counter = (index >> 32).astype(jnp.uint32), index.astype(jnp.uint32)
    bits = threefry((words[0][..., None], words[1][..., None]), counter)
    return DISTRIBUTIONS[op.name](bits, op.dtype).reshape(op.shape)


def uniform(bits: Words, dtype: str) -> Array:
    """Return numbers in [0, 1) of 24 random bits (float32) or 32 (float64); see ``prng.uniform``."""
    if dtype == "float32":
        return (bits[0] >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
    return bits[0].astype(jnp.float64) * 2.0**-32


def normal(bits: Words, dtype: str) -> Array:
    """Return standard normal numbers by the Box-Muller transform; see ``prng.normal``."""
    u, v = (word.astype(jnp.float64) * 2.0**-32 for word in bits)
    radius = jnp.sqrt(-2.0 * jnp.log(u + 2.0**-33))
    return (radius * jnp.cos(v * (2.0 * math.pi))).astype(dtype)


DISTRIBUTIONS: dict[str, Callable[[Words, str], Array]] = {"uniform": uniform, "normal": normal}
"""The numbers of pairs of random words, by the name of the operation."""
