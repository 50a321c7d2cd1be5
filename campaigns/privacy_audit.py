"""Lower bounds of epsilon from one training each, of what keeps a claim and of what does not.

Run it as ``python -m campaigns.privacy_audit``; it writes a table of docs/trust.md. Four subjects are audited
20 times, each with canaries whose coins are fair and from the operating system: the Gaussian mechanism with
the noise that (epsilon, delta) requires, which is simulated exactly; the same with a tenth of the noise; a
network trained with ``cr.Privacy`` on images of Fashion-MNIST; and the same network trained without, for
longer. Trials in the folder are not repeated. The campaign fails if a private subject is bounded above its
claim in any trial, or another one is not in all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import log_ndtr, ndtr

import chainrule as cr
from chainrule.auditing import OneRunResult, audit_in_one_run, random_coins
from chainrule.auditing.one_training_audit import bound_by_scores

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- privacy audit -->", "<!-- end of privacy audit -->"
TRIALS, DELTA = 20, 1e-5
MECHANISM_CANARIES, ROWS, CANARIES, BATCH = 2_000, 1_000, 500, 100
EPOCHS = {True: 20, False: 100}  # of a private training, and of one without privacy
HEAD = """\
| audited | claim | canaries | median bound | largest bound | trials above the claim |
|---|---|---|---|---|---|"""


def noise_of(epsilon: float, delta: float) -> float:
    """The standard deviation of the Gaussian mechanism for sensitivity 1, by bisection.

    Formula: delta = Phi(1 / 2s - epsilon s) - e^epsilon Phi(-1 / 2s - epsilon s) (Balle and Wang 2018,
    Improving the Gaussian mechanism for differential privacy, ICML, theorem 8).
    """
    low, high = 1e-3, 1e3
    for _ in range(200):
        s = math.sqrt(low * high)
        spent = ndtr(0.5 / s - epsilon * s) - math.exp(epsilon + log_ndtr(-0.5 / s - epsilon * s))
        low, high = (s, high) if spent > delta else (low, s)
    return high


def mechanism(claim: float, share: float) -> OneRunResult:
    """The audit of sums of vectors, each canary along one axis, with a share of the required noise."""
    coins = random_coins(MECHANISM_CANARIES)
    noise = np.random.default_rng().normal(size=len(coins)) * noise_of(claim, DELTA) * share
    return bound_by_scores(coins + noise, coins, delta=DELTA, claim=claim)


@cache
def images() -> tuple[np.ndarray, np.ndarray]:
    """Images with pixels from 0 to 1, and class indices."""
    table = cr.read_images("fashion-mnist/train")
    (pixels,) = table.images.values()
    x = pixels.reshape(len(pixels), -1)[:ROWS].astype(np.float32) / 255
    return x, np.unique(table.frame[str(table.target)].to_numpy()[:ROWS], return_inverse=True)[1]


def network(claim: float, is_private: bool) -> OneRunResult:
    """The audit of a small network."""
    privacy = cr.Privacy(epsilon=claim, delta=DELTA) if is_private else None

    def fit(x: np.ndarray, y: np.ndarray) -> cr.Model:
        model = cr.Model(cr.Sequential(cr.Dense(64, "tanh"), cr.Dense(10)), "cross_entropy", cr.Adam(3e-3))
        model.fit(
            x,
            y,
            epochs=EPOCHS[is_private],
            batch_size=BATCH,
            verbose=False,
            probes=False,
            doctor=False,
            privacy=privacy,
        )
        return model

    return audit_in_one_run(fit, *images(), canaries=CANARIES, delta=DELTA, claim=claim)


SUBJECTS: dict[str, tuple[float, int, bool, Callable[[], OneRunResult]]] = {
    "Gaussian mechanism, simulated": (3.0, MECHANISM_CANARIES, True, lambda: mechanism(3.0, 1.0)),
    "Gaussian mechanism with a tenth of the noise": (
        3.0,
        MECHANISM_CANARIES,
        False,
        lambda: mechanism(3.0, 0.1),
    ),
    "network trained with `cr.Privacy`": (2.0, CANARIES, True, lambda: network(2.0, True)),
    "network trained without privacy": (1.0, CANARIES, False, lambda: network(1.0, False)),
}
"""Claim, canaries, whether it is kept, and the audit."""


def measure(name: str, known: list[float], trials: int) -> None:
    """Append the bounds of the trials that are missing."""
    for number in range(len(known), trials):
        known.append(SUBJECTS[name][3]().bound)
        print(f"{name}, trial {number + 1}: {known[-1]:.2f}", flush=True)


def line(name: str, bounds: list[float]) -> str:
    """A row of the table."""
    claim, canaries, _, _ = SUBJECTS[name]
    above = sum(bound > claim for bound in bounds)
    numbers = f"{statistics.median(bounds):.2f} | {max(bounds):.2f} | {above} of {len(bounds)}"
    return f"| {name} | {claim:g} | {canaries:,} | {numbers} |"


def write(lines: list[str]) -> None:
    """Replace the table between the marks of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = "\n".join(["By `python -m campaigns.privacy_audit`:", "", HEAD, *lines])
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Audit all subjects and write the table; return 1 if a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--out", type=Path, default=Path("runs/privacy-audit"))
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "bounds.json"
    bounds: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    if file.exists():
        bounds |= json.loads(file.read_text(encoding="utf-8"))
    for name in SUBJECTS:
        measure(name, bounds[name], options.trials)
        file.write_text(json.dumps(bounds), encoding="utf-8")
    write([line(name, values) for name, values in bounds.items()])
    wrong = [
        name
        for name, (claim, _, is_kept, _) in SUBJECTS.items()
        if any((bound > claim) is is_kept for bound in bounds[name])
    ]
    print("wrong verdicts:", ", ".join(wrong) or "none")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
