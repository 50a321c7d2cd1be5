"""From any table to inputs and targets: preparation succeeds or raises one clear error."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import Preparation, check, choose_task, describe, read_table, split
from chainrule.errors import ChainruleError

LINES = [f"{i % 7},{['red', 'blue', ''][i % 3]},{i / 3:.2f},{['no', 'yes'][i % 2]}" for i in range(40)]
CLEAN = "\n".join(["rank,color,size,sick", *LINES]) + "\n"
PIECES = [
    ",",
    '"',
    "\n",
    "\r",
    ";",
    "NaN",
    "inf",
    "007",
    "x",
    "\0",
    "1e999",
    "1,5",
    "é",
    "\t",
    "",
    "=1+1",
    "  ",
]


def prepare(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = read_table(path)
    target = table.columns[-1]
    columns = describe(table, target)
    task = choose_task(table, target, columns=columns)
    check(table, target)
    table = table.take(task.rows)
    parts = split(table.frame[target], seed=0, stratify=task.is_classification)
    p = Preparation.fit(table.take(parts.train), columns, target, task)
    return p.inputs(table), p.targets(table)


def mutate(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(text))
        text = text[:start] + draw.choice(PIECES) + text[start + draw.choice([0, 0, 1, 1, 5, 200]) :]
    return text


def test_the_unmodified_table_is_prepared(tmp_path: Path) -> None:
    path = tmp_path / "clean.csv"
    path.write_text(CLEAN)
    x, y = prepare(path)
    assert x.shape == (40, 5)
    assert y.tolist() == [0, 1] * 20


@pytest.mark.parametrize("seed", range(200))
def test_a_mutated_table_is_prepared_or_refused_clearly(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "mutated.csv"
    path.write_bytes(mutate(CLEAN, random.Random(seed)).encode())
    try:
        x, y = prepare(path)
    except ChainruleError as error:
        text = str(error)
        x, y = np.zeros((1, 1)), np.zeros(1)
        ok = text.startswith("DataError E3") and len(text.splitlines()) >= 2
    else:
        ok = x.shape[1] >= 1
    assert ok
    assert np.isfinite(x).all()
    assert len(x) == len(y)
