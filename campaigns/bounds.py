"""Compare the rules of bounds with values of their operations: ``python -m campaigns.bounds [--points N]``.

Around every sample of every operation with a rule, boxes of several sizes are drawn. The interval and both
linear functions of the rule must contain the value at random points, and at all corners of boxes with few
elements. The suite runs the same checks with fewer points (``tests/properties/test_bounds.py``). The last
line of the output states the number of values that were compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from chainrule.bounds import RULES, Interval
from chainrule.bounds.evaluation import evaluated
from chainrule.bounds.rule import Relaxation, reduced_axes
from chainrule.ops import CARDS
from chainrule.ops.linear.bfloat16 import RoundToBfloat16
from chainrule.ops.operation_card import Card, Sample

CARD = {card.name: card for card in (*CARDS, RoundToBfloat16)}
RADII = (0.0, 0.01, 0.7, 3.0)
INDEXED = ("gather", "one_hot")  # the last input is an index, which must stay within the table
FEW = 10  # elements of all inputs, for which all corners are tried
SAMPLES = [
    (name, i)
    for name in sorted(RULES)
    for i, sample in enumerate(CARD[name].samples())
    if not sample.breaks and all(a.size for a in sample.inputs)
]
Point = tuple[np.ndarray, ...]


def main() -> None:
    """Check all rules and print how many values were compared for each operation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000, help="values in all, at least")
    chosen = parser.parse_args()
    total, share = 0, chosen.points // len(SAMPLES) // len(RADII)
    for name, i in SAMPLES:
        sample = CARD[name].samples()[i]
        size = max(operation(sample)[1], 1)
        compared = sum(
            check_rule(name, sample, radius, seed, share // size + 10) for seed, radius in enumerate(RADII)
        )
        total += compared * size
        print(f"{name} {i}: {compared * size:,}", flush=True)
    print(f"{total:,} values of {len(RULES)} operations within their bounds")


def operation(sample: Sample) -> tuple[Card, int]:
    """The card of a sample with its sizes, and the most elements of an input or of the value."""
    op = sample.concrete()
    with np.errstate(all="ignore"):
        return op, max(a.size for a in (*sample.inputs, op.evaluate(*sample.inputs)))


def check_rule(name: str, sample: Sample, radius: float, seed: int, count: int) -> int:
    """Check the bounds of a rule around a sample; returns the number of points that were compared.

    Raises:
        AssertionError: a value is outside its bounds, or bounds of a small box are not finite.
    """
    (op, terms), rule, compared = operation(sample), RULES[name], 0
    rng = np.random.default_rng(seed)
    boxes = [box_around(a, radius, rng) for a in sample.inputs]
    if name in INDEXED:
        boxes[-1] = Interval(boxes[-1].lower, np.minimum(boxes[-1].upper, sample.inputs[-1].max(initial=0)))
    with np.errstate(all="ignore"):
        y = rule.interval(op, boxes, terms)
        relaxation = rule.relax(op, y, boxes)
        for point in points(boxes, rng, count):
            value = evaluated(op, point)
            assert contained(y.lower, value, y.upper), (name, radius, y, value)
            is_ordinary = radius <= 0.01 and sample.smooth and np.isfinite(value).all()
            assert not is_ordinary or np.isfinite(y.lower + y.upper).all(), (name, y)
            compared += 1
            if relaxation is not None:
                low, high = lines(op, relaxation, point, value)
                assert contained(low, value, high), (name, radius, low, value, high)
    return compared


def box_around(array: np.ndarray, radius: float, rng: np.random.Generator) -> Interval:
    """A box around finite numbers; truth values become uncertain in places."""
    if array.dtype == np.bool_:
        is_open = rng.random(array.shape) < 0.5 if radius else np.zeros(array.shape, bool)
        return Interval(array & ~is_open, array | is_open)
    if array.dtype.kind in "iu":
        return Interval(array, array + (1 if radius else 0))
    center = np.where(np.isfinite(array), array, 0.0)
    width = radius * rng.random(array.shape)
    return Interval(center - width, center + width * rng.random(array.shape))


def points(boxes: Sequence[Interval], rng: np.random.Generator, count: int) -> Iterator[Point]:
    """Points of boxes: all corners if there are few elements, random corners, and random points."""
    sizes = [box.lower.size for box in boxes]
    if sum(sizes) <= FEW:
        for corner in product([0.0, 1.0], repeat=sum(sizes)):
            shares = np.split(np.array(corner), np.cumsum(sizes)[:-1])
            yield tuple(at(box, s.reshape(box.lower.shape)) for box, s in zip(boxes, shares, strict=True))
    for k in range(count):
        draw = rng.random if k % 2 else lambda shape: rng.integers(0, 2, shape).astype(float)
        yield tuple(at(box, draw(box.lower.shape)) for box in boxes)


def at(box: Interval, share: np.ndarray) -> np.ndarray:
    """The point of a box with these shares of its widths."""
    if box.lower.dtype.kind != "f":
        return np.where(share > 0.5, box.upper, box.lower)
    point = np.clip(box.lower + share * (box.upper - box.lower), box.lower, box.upper)
    return np.where(share == 1.0, box.upper, point)


def contained(low: np.ndarray, value: np.ndarray, high: np.ndarray) -> bool:
    """Whether values are within bounds; a bound that is NaN claims nothing."""
    with np.errstate(invalid="ignore"):
        return not (np.any(value < low) or np.any(value > high))


def lines(op: Card, relaxation: Relaxation, point: Point, value: np.ndarray) -> Point:
    """The linear functions of a relaxation at a point, widened by the rounding of this computation."""
    ends = []
    for factors, intercept, sign in (
        (relaxation.lower_factors, relaxation.lower, -1),
        (relaxation.upper_factors, relaxation.upper, 1),
    ):
        total, size = intercept, np.abs(intercept)
        for slope, x in zip(factors, point, strict=True):
            if slope is None:
                continue
            term = np.where(slope == 0, 0.0, slope * x)
            if relaxation.spread is not None:
                term = term.sum(reduced_axes(op)).reshape(value.shape)
            total, size = total + term, size + np.abs(term)
        ends.append(total + sign * 1e-14 * size)
    return tuple(ends)


if __name__ == "__main__":
    main()
