"""Kill a training at random instants, resume it, and compare the result with an uninterrupted training.

The training has everything that makes resuming hard: dropout, shuffled batches, a schedule, an optimizer with
state, early stopping with restored best weights. Each trial starts it in a new folder, kills the process
(SIGKILL: no handler runs) after a random part of its usual time, then trains with ``resume=True`` to the end.
Weights and history must have the SHA-256 of the uninterrupted run.

Run it as ``python campaigns/kill_resume.py --count 50``. Trials are forked from one process that has
everything loaded, so the instants are in the training and not in imports.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.store import json_document

EPOCHS, PATIENCE = 24, 5


def train(folder: Path, resume: bool) -> str:
    """Train in a folder; return the SHA-256 of the weights and the history."""
    draw = np.random.Generator(np.random.Philox(3))
    x = draw.normal(size=(300, 8))
    y = (x[:, 0] * x[:, 1] + 0.3 * draw.normal(size=300) > 0).astype(int)
    net = cr.Sequential(cr.Dense(24, "relu"), cr.Dropout(0.3), cr.Dense(24, "tanh"), cr.Dense(1))
    optimizer = cr.Adam(cr.Warmup(30, cr.Cosine(0.01, min_learning_rate=0.0005)))
    model = cr.Model(net, "binary_cross_entropy", optimizer, metrics=["accuracy"], penalty=cr.L2(1e-4))
    history = model.fit(
        x[:240],
        y[:240],
        epochs=EPOCHS,
        batch_size=16,
        validation=(x[240:], y[240:]),
        seed=11,
        verbose=False,
        callbacks=[cr.EarlyStopping(patience=PATIENCE)],
        run=folder,
        resume=resume,
        save_every=0.02,
    )
    digest = hashlib.sha256(json_document.to_text(history).encode())
    for path, value in sorted(model.parameters().items()):
        digest.update(path.encode() + value.tobytes())
    return digest.hexdigest()


def in_child(folder: Path, resume: bool) -> int:
    """Start a training in a child process that writes ``digest.txt``; return its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        (folder / "digest.txt").write_text(train(folder, resume))
        code = 0
    finally:
        os._exit(code)


def steps(folder: Path) -> int:
    """The steps of the newest checkpoint; -1 without one."""
    saved_steps = [int(f.stem[5:]) for f in folder.glob("checkpoints/step-*.safetensors")]
    return max(saved_steps, default=-1)


def started(place: Path) -> tuple[int, float]:
    """Start a training and wait for its first checkpoint; return its process id and the time."""
    place.mkdir()
    child = in_child(place, resume=False)
    while steps(place) < 0:
        time.sleep(0.001)
    return child, time.monotonic()


def trial(place: Path, wait: float) -> tuple[str, int]:
    """Train, kill ``wait`` seconds after the first checkpoint, resume; return digest and step."""
    child, _ = started(place)
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (place / "digest.txt").unlink(missing_ok=True)
    step = steps(place)
    os.waitpid(in_child(place, resume=True), 0)
    digest = place / "digest.txt"
    return digest.read_text() if digest.exists() else "", step


def main() -> int:
    """Run the campaign; return 0 if every trial ends in the bytes of the uninterrupted training."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder, "first"), resume=False)  # loads every module that the forked processes need
        uninterrupted = Path(folder, "calm")
        child, since = started(uninterrupted)
        os.waitpid(child, 0)
        usual = time.monotonic() - since
        expected = (uninterrupted / "digest.txt").read_text()
        print(f"undisturbed: {usual:.2f} s, {expected[:16]}")
        results: Counter[str] = Counter()
        for i in range(options.count):
            digest, step = trial(Path(folder, f"trial{i}"), draw.random() * usual)
            same = digest == expected
            results["same" if same else "DIFFERENT"] += 1
            print(f"trial {i + 1:3}: resumed from step {step:5}  {'same' if same else 'DIFFERENT'}")
    print(f"{results['same']} of {options.count} ended in the same weights and history")
    return 0 if results["same"] == options.count else 1


if __name__ == "__main__":
    sys.exit(main())
