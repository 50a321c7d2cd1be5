"""What a training of GPT-2 would cost on 1 to 256 devices, and a check of the bytes that devices exchange.

The table is that of ``model.scaling`` for each size of GPT-2, with parameters divided among the devices. For
the check, a small GPT is compiled for 1, 2 and 4 virtual devices of this machine; the bytes of the
all-reduces and all-gathers in the program of XLA are compared with those of the estimate. The time of a step
is compared with that of Megatron-LM on one GPU (https://nv-adlr.github.io/MegatronLMV1), which computes the
forward pass twice.

    python -m campaigns.scaling            the checks and the table
    python -m campaigns.scaling --write    and the table in docs/xla.md
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule import models
from chainrule.notation.number_format import amount
from chainrule.symbolic_shape import Size, Spec, bound
from chainrule.train.monitor.scaling import KINDS, SHARE, scaling_of
from chainrule.train.step_graph import training_step

SIZES, DEVICES, BATCH, LENGTH, KIND = ("small", "medium", "large", "xl"), (1, 8, 64, 256), 256, 1024, "h100"
BYTES = {"f32": 4, "f64": 8, "s64": 8, "s32": 4, "u32": 4, "pred": 1}
COLLECTIVE = re.compile(r"= (.+?) (?:all-reduce|all-gather)(?:-start)?\(")
ARRAY = re.compile(r"(\w+)\[([\d,]*)\]")
LIMIT = 0.05  # relative difference of the bytes
PUBLISHED = {"width": 1536, "depth": 40, "heads": 16}  # GPT-2 of 1.2 billion parameters, batch 8
PUBLISHED_SECONDS, PUBLISHED_PEAK, TIME_LIMIT = 1.288, 62.4e12 / 0.48, 0.15
PAGE = Path(__file__).parents[1] / "docs" / "xla.md"
BEGIN, END = "<!-- scaling -->", "<!-- end of scaling -->"


def network_of(net: Any, length: int) -> Any:
    """Return a model of words with its graphs, without parameters."""
    model = cr.Model(net, "cross_entropy", cr.AdamW(1e-4), engine="xla")
    return model.state.built({"x": Spec((Size.symbol("B"), length), "int64")}, are_fixed=False)


def table() -> str:
    """Return the estimates as a table."""
    head = " | ".join(f"{n} devices" if n > 1 else "1 device" for n in DEVICES)
    lines = [f"| GPT-2 | parameters | {head} |", f"|{'---|' * (2 + len(DEVICES))}"]
    for size in SIZES:
        state = network_of(models.gpt2(size, dropout=0.0), LENGTH)
        with cr.settings.using(parallel="fast", sharding="parameters"):
            result = scaling_of(state, BATCH, devices=DEVICES, kind=KIND)
        cells = [
            f"{amount(one.seconds, 's')}, {amount(one.memory, 'B')}{'' if one.fits else ' (too large)'}"
            for one in result.placements
        ]
        lines.append(f"| {size} | {state.network.count / 1e6:,.0f} M | {' | '.join(cells)} |")
    return "\n".join(lines)


def exchanged(devices: int) -> tuple[float, float]:
    """Return the bytes of the collectives of a step in the program of XLA, and those of the parameters."""
    net = models.gpt2("small", 64, 16, 0.0, width=64, depth=2, heads=4)
    network = network_of(net, 16).network
    step, rng = training_step(network, False, 1), np.random.default_rng(0)
    (target,) = network.target_names.values()
    data = {name: rng.integers(0, 64, (32, 16)) for name in ("x", target)}
    state = {**network.initialize(0)[0], **network.initialize(0)[1], **step.initial_slots()}
    with cr.settings.using(devices=devices, parallel="fast"):
        runner: Any = step.program.trainer(data, state, "xla", changes=False)
        text = runner.program_text(np.arange(32), 8 * devices)
    size = sum(math.prod(bound(p.spec.shape)) for p in network.trainable.values()) * 4
    return float(sum(_size(shapes) for shapes in COLLECTIVE.findall(text))), float(size)


def _size(shapes: str) -> int:
    return sum(
        BYTES[dtype] * math.prod(int(n) for n in lengths.split(",") if n)
        for dtype, lengths in ARRAY.findall(shapes)
        if dtype in BYTES
    )


def check() -> bool:
    """Print the bytes that 1, 2 and 4 devices exchange; returns whether they are those of the estimate."""
    is_good = True
    with cr.settings.using(devices=4):
        for devices in (4, 2, 1):  # the devices are created once
            received, gradients = exchanged(devices)
            expected = gradients if devices > 1 else 0.0
            is_good &= abs(received - expected) <= LIMIT * gradients
            print(f"{devices} devices: all-reduce of {received:,.0f} bytes a step, gradients {expected:,.0f}")
    return is_good


def check_time() -> bool:
    """Print the estimate for a published step; returns whether the published time is close."""
    state = network_of(models.gpt2("small", length=LENGTH, dropout=0.0, **PUBLISHED), LENGTH)
    operations = scaling_of(state, 8, devices=(1,), kind=KIND).operations * 4 / 3  # two forward passes
    seconds = operations / (SHARE * PUBLISHED_PEAK)
    size = amount(state.network.count)
    print(f"Megatron-LM, {size} parameters: a step {seconds:.3f} s, published {PUBLISHED_SECONDS} s")
    return abs(seconds / PUBLISHED_SECONDS - 1) <= TIME_LIMIT


def main() -> None:
    """Print the checks and the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/xla.md")
    is_written = parser.parse_args().write
    is_good = check() & check_time()
    text = table()
    print(f"{KINDS[KIND].name}, batch {BATCH} of {LENGTH} words, a step and the memory of a device:\n{text}")
    if is_written:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
