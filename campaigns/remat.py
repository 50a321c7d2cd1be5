"""Memory and time of a training step with and without recomputation (``cr.recompute``).

Run it as ``python campaigns/remat.py``. Memory is the predicted size of intermediate values
(``campaigns/memory.py`` compares such predictions with measurements); time is processor time of one thread,
the minimum over some steps. ``--check`` fails if a deep network does not take about half of its memory.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import chainrule as cr
from chainrule.nn import Layer
from chainrule.notation.number_format import amount
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.network import Network, Recipe
from chainrule.train.step_graph import training_step

STEPS = 4
WORDS = 512


@dataclass(frozen=True)
class Case:
    """A network, the shape of a sample, the batch size."""

    net: Callable[[], Layer]
    shape: tuple[int, ...]
    batch: int

    @property
    def has_words(self) -> bool:
        """Whether a sample is a text."""
        return self.net is words


def dense() -> Layer:
    """Layers of 256, four to a block."""
    inside = [cr.Dense(256, "relu", weight_initializer="he")] * 3
    block = cr.Residual(cr.Sequential(*inside, cr.Dense(256, weight_initializer=cr.Scaled(gain=0.01))))
    return cr.Sequential(cr.Dense(256), *[block] * 8, cr.Dense(10))


def images() -> Layer:
    """Blocks of three convolutions."""
    conv = cr.Conv(32, 3, padding="same")
    relu = cr.Activation("relu")
    block = cr.Residual(cr.Sequential(conv, relu, conv, relu, conv), activation="relu")
    return cr.Sequential(conv, *[block] * 8, cr.GlobalAveragePool(), cr.Dense(10))


def words() -> Layer:
    """A GPT of eight blocks."""
    return cr.models.gpt2("small", WORDS, 128, width=128, depth=8, heads=8)


CASES = {
    "dense 256 x 34": Case(dense, (256,), 4096),
    "convolutions, no norms": Case(images, (32, 32, 32), 64),
    "ResNet-20": Case(cr.models.resnet20, (32, 32, 3), 64),
    "ResNet-56": Case(cr.models.resnet56, (32, 32, 3), 64),
    "GPT, 8 blocks": Case(words, (128,), 16),
    "ViT tiny, 32 x 32": Case(lambda: cr.models.vit("tiny", classes=10), (32, 32, 3), 64),
}
HALVED = ("convolutions, no norms", "ResNet-56", "GPT, 8 blocks", "ViT tiny, 32 x 32")


def measured(case: Case, wrap: Callable[[Layer], Layer]) -> tuple[int, float, dict[str, np.ndarray]]:
    """Bytes of intermediate values, seconds of a step, and the parameters after some steps."""
    has_words, rng = case.has_words, np.random.default_rng(0)
    spec = Spec((Size.symbol("B"), *case.shape), "int64" if has_words else "float32")
    recipe = Recipe(wrap(case.net()), "cross_entropy", cr.SGD(1e-3, momentum=0.9))
    network = Network(recipe, {"x": spec}, "native")
    step, shape = training_step(network, False, 1000), (case.batch, *case.shape)
    x = rng.integers(0, WORDS, shape) if has_words else rng.standard_normal(shape, np.float32)
    y = rng.integers(0, WORDS, shape) if has_words else rng.integers(0, 10, case.batch)
    first, states = network.initialize(0)
    runner = step.program.trainer({"x": x, "target": y}, {**first, **states, **step.initial_slots()})
    assert runner is not None, "an operation without a kernel"
    need = step.program.memory_requirement({"x", "target"}, case.batch)
    order, times = np.arange(case.batch), []
    for i in range(STEPS):
        keys = np.array([[i, 7]] if step.built.book.key is not None else np.zeros((0, 2)), np.uint32)
        begin = time.process_time()
        runner.run(order, case.batch, 0, 1, i, keys)
        times.append(time.process_time() - begin)
    return need.uses["work"], min(times[1:]), {path: runner.state[path].copy() for path in first}


def main() -> int:
    """Measure all cases and print a table; return 1 if memory or bits are not as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    cr.settings.threads, is_good = 1, True
    print(
        "| network | memory in between | with cr.recompute | share | time | same bits |",
        "|---" * 6 + "|",
        sep="\n",
    )
    for name, case in CASES.items():
        (before, slow, once), (after, slower, twice) = (
            measured(case, w) for w in (lambda v: v, cr.recompute)
        )
        same = all(np.array_equal(once[path], twice[path]) for path in once)
        row = f"{amount(before, 'B')} | {amount(after, 'B')} | {after / before:.2f} | {slower / slow:.2f}"
        print(f"| {name} | {row} | {'yes' if same else 'no: other parts'} |", flush=True)
        is_good = is_good and (name not in HALVED or after <= 0.55 * before)
    return 1 if options.check and not is_good else 0


if __name__ == "__main__":
    sys.exit(main())
