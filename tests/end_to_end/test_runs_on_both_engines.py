"""A RUN of one engine is used by the other one: every command prints the same."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from campaigns.xla_commands import ENGINES, LIMIT, difference

from end_to_end.conftest import run_command

pytest.importorskip("jax")
RNG = np.random.Generator(np.random.Philox(5))
ROWS = 120
PUBLIC = """target = ["no", "yes"]
[columns]
a = [-4, 4]
b = [-4, 4]
c = ["u", "v", "w"]
"""
NET = '--net "8 relu" --epochs 3'
KINDS: Mapping[str, str] = {
    "classes": f"iris {NET}",
    "a threshold": f"rows.csv --target y --drop w --drop size {NET} --positive no --threshold f1",
    "class weights": f"rows.csv --target y --drop w --drop size {NET} --class-weight balanced",
    "costs": f"rows.csv --target y --drop w --drop size {NET} --cost 5:1",
    "weights": f"rows.csv --target y --drop size --weight w {NET}",
    "values": f"rows.csv --target size --drop w --drop y {NET}",
    "bfloat16": f"rows.csv --target y --drop w --drop size {NET} --precision bfloat16",
    "privacy": f"rows.csv --target y {NET} --epsilon 8 --delta 1e-3 --public public.toml",
    "certified training": f"iris {NET} --robust interval --radius 0.05",
    "an ensemble": "rows.csv --target y --drop w --drop size --epochs 1 --units 8",
    "more columns than rows": "wide.csv --target y --epochs 1 --units 8",
}
SLOW_TO_CERTIFY = ("an ensemble", "more columns than rows")
COMMANDS = (
    "predict run {data}",
    "predict run {data} --certify 0.05",
    "evaluate run {data}",
    "explain run {data} --row 3 --depth 1",
    "attack run {data} --radius 0.1",
    "quantize run {data}",
    "calibrate run {data}",
)


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of ``KINDS``, in the working folder."""
    monkeypatch.chdir(tmp_path)
    a, b = RNG.standard_normal((2, ROWS)).round(3)
    c = np.array(["u", "v", "w"])[RNG.integers(0, 3, ROWS)]
    size = (3 * a + b + 0.3 * RNG.standard_normal(ROWS)).round(3)
    y = np.where(a + b**2 + (c == "u") > 1, "yes", "no")
    pl.DataFrame({"a": a, "b": b, "c": c, "w": RNG.integers(1, 4, ROWS), "size": size, "y": y}).write_csv(
        "rows.csv"
    )
    wide = RNG.standard_normal((50, 70)).round(3)
    columns = {f"x{place}": values for place, values in enumerate(wide.T)}
    pl.DataFrame({**columns, "y": np.where(wide[:, :4].sum(1) > 0, "p", "q")}).write_csv("wide.csv")
    Path("public.toml").write_text(PUBLIC, encoding="utf-8")


def _printed(line: str, engine: str) -> str:
    name, *words = shlex.split(line)
    outcome = run_command(name, "--engine", engine, *words)
    errors = outcome.err if outcome.code else ""  # otherwise notices, such as that there is no GPU
    return f"{outcome.out}\n{errors}\nexit code {outcome.code}"


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("tables")
def test_commands_print_the_same_on_both_engines(kind: str) -> None:
    data = KINDS[kind].split()[0]
    trained = [_printed(f"train {KINDS[kind]} --out {engine}", engine) for engine in ENGINES]
    assert [text.splitlines()[-1] for text in trained] == ["exit code 0"] * 2, trained
    if kind != "privacy":  # whose noise no seed determines
        _require_same("train", *(text.replace(e, "run") for text, e in zip(trained, ENGINES, strict=True)))
    for command in COMMANDS:
        if "--certify" in command and kind in SLOW_TO_CERTIFY:
            continue
        texts = []
        for engine in ENGINES:
            shutil.rmtree("run", ignore_errors=True)
            shutil.copytree("xla", "run")  # some commands change it
            texts.append(_printed(command.format(data=data), engine))
        _require_same(command, *texts)


def _require_same(command: str, native: str, xla: str) -> None:
    worst, words = difference(native.replace("--engine native", ""), xla.replace("--engine xla", ""))
    assert worst <= LIMIT, (command, worst)
    assert not words, (command, words)
