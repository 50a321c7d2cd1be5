"""What recomputation saves and costs: memory and time of a training step with and without ``cr.Remat``.

Run it as ``python campaigns/remat.py``. Memory is what is predicted for values in between
(``campaigns/memory.py`` holds such numbers against what is measured); time is processor time of one thread,
the least of some steps.
``--check`` fails where a net of images or words does not come down to 0.6 of its memory.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import chainrule as cr
from chainrule.engines.run import step_need, trainer
from chainrule.nn import Layer
from chainrule.notation.amount import amount
from chainrule.spec import Size, Spec
from chainrule.train.step import Network, Recipe
from chainrule.train.stretch import homes_of

STEPS = 4
WORDS = 512
Wrap = Callable[[Layer], Layer]


@dataclass(frozen=True)
class Case:
    """A net with its blocks wrapped, the shape of a sample, how many samples in a batch."""

    net: Callable[[Wrap], Layer]
    shape: tuple[int, ...]
    batch: int


def dense(wrap: Wrap) -> Layer:
    """Layers of 256, four to a block."""
    inside = [cr.Dense(256, "relu", weight_init="he")] * 3
    block = wrap(cr.Residual(cr.Sequential(*inside, cr.Dense(256, weight_init=cr.Scaled(0.01)))))
    return cr.Sequential(cr.Dense(256), *[block] * 8, cr.Dense(10))


def images(wrap: Wrap) -> Layer:
    """Blocks of three convolutions."""
    conv = cr.Conv(32, 3, padding="same")
    relu = cr.Activation("relu")
    block = wrap(cr.Sequential(cr.Residual(cr.Sequential(conv, relu, conv, relu, conv)), relu))
    return cr.Sequential(conv, *[block] * 8, cr.GlobalAveragePool(), cr.Dense(10))


def normed(wrap: Wrap) -> Layer:
    """Blocks of two convolutions with batch norms."""
    conv, norm, relu = cr.Conv(32, 3, padding="same", bias=False), cr.BatchNorm(), cr.Activation("relu")
    block = wrap(cr.Sequential(cr.Residual(cr.Sequential(conv, norm, relu, conv, norm)), relu))
    return cr.Sequential(conv, *[block] * 8, cr.GlobalAveragePool(), cr.Dense(10))


def words(wrap: Wrap) -> Layer:
    """A GPT of eight blocks."""
    block = cr.TransformerEncoderLayer(8, activation="gelu", norm_first=True, causal=True)
    blocks = cr.TransformerEncoder(wrap(block), 8, cr.LayerNorm())
    return cr.Sequential(cr.Embedding(WORDS, 128), cr.LearnedPosition(128), blocks, cr.Dense(WORDS))


CASES = {
    "dense 256 x 34": Case(dense, (256,), 4096),
    "convolutions, no norms": Case(images, (32, 32, 32), 64),
    "convolutions, batch norm": Case(normed, (32, 32, 32), 64),
    "GPT, 8 blocks": Case(words, (128,), 16),
}


def measured(case: Case, wrap: Wrap) -> tuple[int, float, dict[str, np.ndarray]]:
    """Bytes in between, seconds of a step, and what has been learned after some steps."""
    has_words, rng = case.net is words, np.random.default_rng(0)
    spec = Spec((Size.symbol("B"), *case.shape), "int64" if has_words else "float32")
    recipe = Recipe(case.net(wrap), "cross_entropy", cr.SGD(1e-3, momentum=0.9))
    network = Network(recipe, {"x": spec}, "native")
    step, shape = network.step(False, 1000), (case.batch, *case.shape)
    core, homes = list(step.gradients.values()), homes_of(step)
    x = rng.integers(0, WORDS, shape) if has_words else rng.standard_normal(shape, np.float32)
    y = rng.integers(0, WORDS, shape) if has_words else rng.integers(0, 10, case.batch)
    first, states = network.start(0)
    runner = trainer(
        step.graph, core, homes, {"x": x, "target": y}, {**first, **states, **step.first_slots()}
    )
    assert runner is not None, "an operation without a kernel"
    need = step_need(step.graph, core, homes, {"x", "target"}, case.batch)
    order, times = np.arange(case.batch), []
    for i in range(STEPS):
        keys = np.array([[i, 7]] if step.built.book.key is not None else np.zeros((0, 2)), np.uint32)
        begin = time.process_time()
        runner.run(order, case.batch, 0, 1, i, keys)
        times.append(time.process_time() - begin)
    return need.uses["work"], min(times[1:]), {path: runner.state[path].copy() for path in first}


def main() -> int:
    """Measure all, show a table; 1 where memory does not fall, or bits differ where the parts are equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    cr.settings.threads, is_good = 1, True
    print("| net | memory in between | with cr.Remat | share | time | same bits |\n|---|---|---|---|---|---|")
    for name, case in CASES.items():
        (before, slow, once), (after, slower, twice) = (measured(case, w) for w in (lambda v: v, cr.Remat))
        same = all(np.array_equal(once[path], twice[path]) for path in once)
        told = f"{amount(before, 'B')} | {amount(after, 'B')} | {after / before:.2f} | {slower / slow:.2f}"
        print(f"| {name} | {told} | {'yes' if same else 'no: other parts'} |", flush=True)
        is_good = is_good and after <= 0.6 * before
    return 1 if asked.check and not is_good else 0


if __name__ == "__main__":
    sys.exit(main())
