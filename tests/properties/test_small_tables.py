"""Every method that takes rows of a table takes very few: one row, equal rows, one class, one column.

The result of a row is that inside a batch, and what cannot be measured on such rows is refused with a fix.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.attribution import METHODS as ATTRIBUTIONS
from chainrule.errors import ChainruleError

RNG = np.random.default_rng(0)
COUNT = 80
AGE, HEIGHT = RNG.integers(18, 80, COUNT), RNG.normal(1.7, 0.1, COUNT).round(2)
CITY = RNG.choice(["Ulm", "Bonn", "Kiel"], COUNT)
KIND = np.where(AGE + 10 * (CITY == "Ulm") + RNG.normal(0, 8, COUNT) > 52, "yes", "no")
PRICE = AGE * 2.0 + RNG.normal(0, 3, COUNT)
TABLES = {
    "classes": pl.DataFrame({"age": AGE, "city": CITY, "height": HEIGHT, "y": KIND}),
    "numbers": pl.DataFrame({"age": AGE, "city": CITY, "height": HEIGHT, "y": PRICE}),
    "one number": pl.DataFrame({"age": AGE, "y": KIND}),
    "one category": pl.DataFrame({"city": CITY, "y": KIND}),
}
Rows = pl.DataFrame
SMALL: dict[str, Callable[[Rows], Rows]] = {
    "one row": lambda t: t[:1],
    "two equal rows": lambda t: pl.concat([t[:1]] * 2),
    "one class": lambda t: t.filter(pl.col("y") == t["y"][0])[:6],
    "constant column": lambda t: t[:8].with_columns(pl.lit(t[t.columns[0]][0]).alias(t.columns[0])),
    "missing value": lambda t: t[:1].with_columns(pl.lit(None, t.dtypes[0]).alias(t.columns[0])),
}
"""Parts of a table."""

Method = Callable[[cr.Model, Rows, Rows], Any]  # of the model, the rows and the training rows
OF_ROWS: dict[str, Method] = {
    "predict": lambda m, x, t: m.predict(x),
    "predict_proba": lambda m, x, t: m.predict_proba(x),
    "predict_frame": lambda m, x, t: [row[-1] for row in m.predict_frame(x).rows()],
    "activations": lambda m, x, t: m.activations(x, "dense1"),
    "novelty": lambda m, x, t: m.novelty(x, t).scores,
    "certify": lambda m, x, t: m.certify(x, radius=0.05).status,
    "attack": lambda m, x, t: m.attack(x, "y", radius=0.3).adversarial,
    "influence": lambda m, x, t: m.influence(x, "y", t, "y").values,
    **{
        f"attribute {name}": lambda m, x, t, name=name: m.attribute(x, name).values["x"]
        for name in ATTRIBUTIONS
        if name not in ("expected_gradients", "grad_cam", "attention_rollout")
    },
}
"""Methods with a result for each row, which the other rows do not change."""

OF_TABLES: dict[str, Method] = {
    "evaluate": lambda m, x, t: m.evaluate(x, "y"),
    "trace": lambda m, x, t: m.trace(x, "y").loss,
    "explain": lambda m, x, t: m.explain(x, "y", depth=1),
    "what_if": lambda m, x, t: m.what_if({"dense1.weight[0,0]": 0.5}, x, "y", depth=1),
    "dropout_samples": lambda m, x, t: m.dropout_samples(x, samples=3),
    "corruption_sweep": lambda m, x, t: m.corruption_sweep(x, "y"),
    "importance": lambda m, x, t: m.importance(x, "y"),
    "importance of loss": lambda m, x, t: m.importance(x, "y", metric="loss"),
    "counterfactual": lambda m, x, t: m.counterfactual(x[:1]),
    "counterfactual of the rows": lambda m, x, t: m.counterfactual(x[:1], data=x),
    "drift": lambda m, x, t: m.drift(x),
    "drift from the rows": lambda m, x, t: m.drift(t, x),
    "novelty of the rows": lambda m, x, t: m.novelty(t, x),
    "label_issues": lambda m, x, t: m.label_issues(x, "y"),
    "audit_membership": lambda m, x, t: m.audit_membership((x, "y"), (t, "y")),
    "calibrate": lambda m, x, t: m.calibrate(x, "y"),
    "calibrate_intervals": lambda m, x, t: m.calibrate_intervals(x, "y"),
    "check": lambda m, x, t: m.check(x, "y"),
    "profile": lambda m, x, t: m.profile(x, "y", steps=1),
    "quantize": lambda m, x, t: m.quantize(x),
    "find_learning_rate": lambda m, x, t: m.find_learning_rate(x, "y", steps=10),
    "fit": lambda m, x, t: m.fit(x, "y", epochs=1, warm_start=True, verbose=False),
    "partial_fit": lambda m, x, t: m.partial_fit(x.drop("y"), x["y"].to_numpy()),
    "trainer": lambda m, x, t: m.trainer(x, "y").step(x, "y"),
    "confusion matrix": lambda m, x, t: m.plot.confusion_matrix(x, "y").text,
    "roc": lambda m, x, t: m.plot.roc(x, "y").text,
    "calibration": lambda m, x, t: m.plot.calibration(x, "y").text,
}
"""Methods with one result for all rows."""

OF_ANOTHER_KIND = ("E507", "E560", "E570", "E582", "E547")  # a classifier is needed, or a target to reach


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder, files = tmp_path_factory.mktemp("small"), {}
    for name, table in TABLES.items():
        is_number = table["y"].dtype.is_float()
        net = cr.Sequential(cr.Dense(6, "tanh"), cr.Dropout(0.2), cr.Dense(1 if is_number else 2))
        model = cr.Model(net, "mse" if is_number else "cross_entropy", cr.Adam(0.03))
        model.fit(table, "y", epochs=20, seed=0, verbose=False, doctor=False)
        files[name] = folder / f"{name}.safetensors"
        model.save(files[name])
    return files


def small_parts(table: Rows) -> dict[str, Rows]:
    return {name: part(table) for name, part in SMALL.items()}


def result_or_error(method: Method, model: cr.Model, rows: Rows, training: Rows) -> Any:
    try:
        return method(model, rows, training)
    except ChainruleError as error:
        return error


@pytest.mark.parametrize("source", TABLES)
@pytest.mark.parametrize("name", OF_ROWS)
def test_a_row_alone_has_its_result_inside_a_batch(saved: Mapping[str, Path], source: str, name: str) -> None:
    model, method, table = cr.Model.load(saved[source]), OF_ROWS[name], TABLES[source]
    together = result_or_error(method, model, table[:12], table)
    if isinstance(together, ChainruleError):
        assert together.code in OF_ANOTHER_KIND, together
        return
    assert len(together) == 12
    for row in range(12):
        (alone,) = method(model, table[row : row + 1], table)
        for cell, expected in zip(np.atleast_1d(alone), np.atleast_1d(together[row]), strict=True):
            if isinstance(cell, float | np.floating):
                assert cell == pytest.approx(expected, rel=1e-4, abs=1e-5)
            else:
                assert np.array_equal(cell, expected)


@pytest.mark.parametrize("source", TABLES)
@pytest.mark.parametrize("name", [*OF_ROWS, *OF_TABLES])
def test_few_rows_have_a_result_or_an_error_with_a_fix(
    saved: Mapping[str, Path], source: str, name: str
) -> None:
    results = 0
    for part, rows in small_parts(TABLES[source]).items():
        model = cr.Model.load(saved[source])
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            result = result_or_error({**OF_ROWS, **OF_TABLES}[name], model, rows, TABLES[source])
        if isinstance(result, ChainruleError):
            assert result.where, part
            assert result.fix or result.code in OF_ANOTHER_KIND, part
            continue
        results += 1
        if name != "evaluate":  # an undefined metric is NaN in Python
            assert not re.search(r"\b(nan|inf)\b", str(result)), f"{part}: {result}"
    assert results or name in REFUSED, "refused for all rows"


REFUSED = (  # methods that need more rows than these, or in some tables another kind of target
    "importance, importance of loss, novelty of the rows, label_issues, audit_membership, calibrate, "
    "calibrate_intervals, predict_proba, certify, attack, counterfactual, counterfactual of the rows, "
    "corruption_sweep, confusion matrix, roc, calibration, find_learning_rate, check"
).split(", ")


COMMANDS: dict[str, str] = {
    "predict": "predict RUN ROWS --explain 2",
    "evaluate": "evaluate RUN ROWS",
    "attack": "attack RUN ROWS --radius 0.3",
    "attribute": "attribute RUN ROWS --row 1",
    "importance": "attribute RUN ROWS --importance",
    "explain": "explain RUN ROWS --row 1",
    "drift": "drift RUN ROWS",
    "drift from the rows": "drift RUN all.csv --reference ROWS",
    "audit": "audit RUN ROWS",
    "calibrate": "calibrate RUN ROWS",
    "labels": "labels RUN ROWS",
    "check": "check ROWS --target y",
    "train": "train ROWS --target y --out again",
}


@pytest.mark.parametrize("source", ["classes", "numbers"])
def test_commands_take_few_rows(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    TABLES[source].write_csv("all.csv")
    arguments = ["train", "all.csv", "--target", "y", "--net", "8 relu", "--epochs", "3", "--out", "run"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        assert main(arguments) == 0
    for part, rows in small_parts(TABLES[source]).items():
        rows.write_csv("rows.csv")
        for name, command in COMMANDS.items():
            words = [{"RUN": "run", "ROWS": "rows.csv"}.get(word, word) for word in command.split()]
            out, errors = io.StringIO(), io.StringIO()
            with redirect_stdout(out), redirect_stderr(errors):
                status = main(words)
            assert status in (0, 2, 3), (part, name)  # 3: drift
            is_another_kind = any(code in errors.getvalue() for code in OF_ANOTHER_KIND)
            assert status != 2 or "  fix " in errors.getvalue() or is_another_kind, (part, name)
            assert not re.search(r"\bnan\b", out.getvalue()), (part, name)
