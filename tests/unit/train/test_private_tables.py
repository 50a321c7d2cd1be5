"""Private training of tables: preparation and model file contain nothing that was computed from rows."""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data import Preparation, PublicColumns, public_preparation, read_table
from chainrule.errors import ChainruleError
from chainrule.events import Event, StepDone
from chainrule.train.fit_options import LossName

CITIES = ("Ulm", "Bonn", "Köln")
COLUMNS = {"age": (0, 120), "city": CITIES[:2]}
CLASSES = ("healthy", "ill")
PRIVACY = cr.Privacy(3, 1e-5, columns=COLUMNS, target=CLASSES)
pytestmark = pytest.mark.filterwarnings("ignore:columns without a public range")
SECRETS = (98.76543, "Zanzibar", 31415.9265)


def frame(seed: int = 0, rows: int = 300) -> pl.DataFrame:
    """Rows with two public columns, one that is not public, and a target."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(0, 120, rows)
    return pl.DataFrame(
        {
            "age": age,
            "city": rng.choice(CITIES, rows).tolist(),
            "income": rng.normal(size=rows),
            "state": np.where(age > 60, "ill", "healthy").tolist(),
            "cost": 10 * age,
        }
    )


def model(outputs: int = 2, loss: LossName = "cross_entropy") -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(outputs)), loss, cr.Adam(0.02))


def fit(table: Any, y: Any = "state", outputs: int = 2, **options: Any) -> cr.Model:
    one = model(outputs)
    defaults = {"epochs": 2, "batch_size": 50, "verbose": False, "privacy": PRIVACY}
    one.fit(table, y, **{**defaults, **options})
    return one


cells = st.one_of(st.none(), st.floats(-1e9, 1e9), st.sampled_from([0.0, 120.0]))
names = st.one_of(st.none(), st.sampled_from([*CITIES, "ULM", " bonn", "x"]))


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, names), min_size=1, max_size=8))
def test_the_encoding_of_a_row_depends_on_no_other_row(rows: list[tuple[float | None, str | None]]) -> None:
    ages, cities = (
        pl.Series([r[0] for r in rows], dtype=pl.Float64),
        pl.Series([r[1] for r in rows], dtype=pl.String),
    )
    table = read_table(pl.DataFrame({"age": ages, "city": cities, "state": ["ill"] * len(rows)}))
    preparation = public_preparation(PublicColumns.of(COLUMNS, CLASSES), table, "state")
    x = preparation.inputs(table)
    assert np.abs(x).max() <= 1
    assert (x[:, 1] == [r[0] is None for r in rows]).all()
    for i in range(len(rows)):
        alone = preparation.inputs(table.take(np.array([i])))
        np.testing.assert_array_equal(x[i : i + 1], alone)


def test_the_preparation_is_that_of_the_public_columns_for_all_rows() -> None:
    public = PublicColumns.of(COLUMNS, CLASSES)
    records = [public_preparation(public, read_table(frame(seed)), "state").to_record() for seed in (0, 1)]
    assert records[0] == records[1]
    restored = Preparation.from_record(json.loads(json.dumps(records[0])))
    assert restored.to_record() == records[0]
    assert restored.feature_names == ("age", "age is missing", "city=Ulm", "city=Bonn", "city is missing")
    assert restored.profiles == ()


def header_of(path: Path) -> Any:
    """The header of a model file without the digest of the file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    return header, {
        k: v for k, v in json.loads(header.pop("__metadata__")["chainrule"]).items() if k != "sha256"
    }


def test_model_files_of_other_rows_differ_in_parameters_alone(tmp_path: Path) -> None:
    headers, contents = [], []
    for seed in (0, 1):
        table = frame(seed)
        if seed:
            age, city, income = SECRETS
            table[0, "age"], table[1, "city"], table[2, "income"] = age, city, income
            table[3, "age"] = None
        fit(table).save(path := tmp_path / f"{seed}.safetensors")
        headers.append(header_of(path))
        contents.append(path.read_bytes())
    assert headers[0] == headers[1]
    assert contents[0] != contents[1]
    for secret in SECRETS:
        texts = [str(secret).encode()]
        if isinstance(secret, float):
            texts += [np.array(secret, dtype).tobytes() for dtype in ("<f4", "<f8")]
        assert not any(text in contents[1] for text in texts)
    assert b"income" not in contents[1]


def test_a_run_folder_has_the_preparation_of_the_public_columns_and_no_value_of_a_row(tmp_path: Path) -> None:
    table = frame()
    table[0, "age"], table[1, "city"] = SECRETS[:2]
    fit(table, run=tmp_path / "run")
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert len(files) >= 2
    for path in files:
        assert b"Zanzibar" not in path.read_bytes()
        assert b"98.76543" not in path.read_bytes()


def test_all_public_classes_are_labels_whichever_occur() -> None:
    one = fit(frame().filter(pl.col("state") == "ill"))
    assert one.labels == CLASSES
    assert set(one.predict(frame(1))) <= set(CLASSES)


def test_a_table_with_a_signal_is_learned() -> None:
    one = fit(frame(rows=2000), epochs=30, batch_size=200)
    test = frame(5)
    assert (np.asarray(one.predict(test)) == test["state"].to_numpy()).mean() > 0.9
    spent = one.privacy_spent
    assert spent is not None
    assert spent.epsilon <= 3


def test_values_are_predicted_in_the_units_of_their_range() -> None:
    one = model(1, "mse")
    privacy = cr.Privacy(3, 1e-5, columns={"age": (0, 120)}, target=(0, 1200))
    one.fit(frame(rows=2000), "cost", epochs=30, batch_size=200, verbose=False, privacy=privacy)
    assert one.preparation is not None
    assert (one.preparation.target_mean, one.preparation.target_std) == (600, 600)
    test = frame(3)
    error = np.abs(np.asarray(one.predict(test)).reshape(-1) - test["cost"].to_numpy()).mean()
    assert error < 150  # the mean of the range has an error of 300


def test_frames_of_numbers_with_a_series_as_targets_are_tables() -> None:
    table = pd.DataFrame({"age": np.linspace(0, 120, 200), "other": 1.0})
    y = pd.Series(np.where(table["age"] > 50, "ill", "healthy"), name="state")
    one = fit(table, y, privacy=cr.Privacy(3, 1e-5, columns={"age": (0, 120)}, target=CLASSES))
    assert one.preparation is not None
    assert (one.preparation.target, one.preparation.columns) == ("state", ("age",))


def test_notices_name_columns_and_nothing_else() -> None:
    table = frame()
    table[0, "age"], table[1, "city"] = 1e6, "Zanzibar"
    table = pl.concat([table, table])  # repeated rows, which a training without privacy reports
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(table)
    assert [str(entry.message) for entry in caught] == [
        'columns without a public range or levels are left out: "income", "cost" (2)'
    ]


def test_public_rows_validate() -> None:
    one = fit(frame(), validation=(frame(1, 60), "state"))
    assert [type(row["val_accuracy"]) for row in one.history] == [float, float]


def test_a_private_training_of_a_table_resumes(tmp_path: Path) -> None:
    def stop(event: Event) -> bool:
        return isinstance(event, StepDone) and event.step >= 8

    fit(frame(), epochs=3, run=tmp_path / "run", callbacks=[stop])
    resumed = fit(frame(), epochs=3, run=tmp_path / "run", resume=True)
    assert resumed.facts["steps"] == 18
    other = cr.Privacy(3, 1e-5, columns={**COLUMNS, "age": (0, 100)}, target=CLASSES)
    with pytest.raises(ChainruleError) as caught:
        fit(frame(), epochs=3, run=tmp_path / "run", resume=True, privacy=other)
    assert caught.value.code == "E505"


def test_values_outside_a_range_are_clipped_and_reported_for_rows_of_predictions() -> None:
    public = PublicColumns.of(COLUMNS, CLASSES)
    table = read_table(pl.DataFrame({"age": [-5.0, 60.0, 1e300], "city": ["Ulm"] * 3, "state": ["ill"] * 3}))
    applied = public_preparation(public, table, "state").apply(table)
    assert applied.x[:, 0].tolist() == [-1, 0, 1]
    assert [str(n) for n in applied.notices] == [
        '2 values of "age" are outside the range 0 to 120, and clipped'
    ]


WRONG: dict[str, tuple[Any, Any, str]] = {
    "low above high": ({"age": (120, 0)}, CLASSES, "E102"),
    "an empty range": ({"age": (5, 5)}, CLASSES, "E102"),
    "NaN": ({"age": (0, float("nan"))}, CLASSES, "E102"),
    "infinite": ({"age": (0, float("inf"))}, CLASSES, "E102"),
    "one number": ({"age": (5,)}, CLASSES, "E102"),
    "three numbers": ({"age": (0, 1, 2)}, CLASSES, "E102"),
    "one level": ({"city": ("Ulm",)}, CLASSES, "E102"),
    "a repeated level": ({"city": ("Ulm", "Ulm")}, CLASSES, "E102"),
    "a text instead of levels": ({"city": "Ulm"}, CLASSES, "E102"),
    "booleans": ({"city": (False, True)}, CLASSES, "E102"),
    "an empty level": ({"city": ("", "Ulm")}, CLASSES, "E102"),
    "too many levels": ({"city": tuple(map(str, range(51)))}, CLASSES, "E102"),
    "no columns": ({}, CLASSES, "E102"),
    "no target": (COLUMNS, None, "E102"),
    "a list of columns": (["age"], CLASSES, "E102"),
    "the target as an input": ({"state": CLASSES}, CLASSES, "E102"),
    "an unknown column": ({"agee": (0, 120)}, CLASSES, "E313"),
    "a class that is not stated": (COLUMNS, ("healthy", "dead"), "E329"),
    "a range for classes": (COLUMNS, (0, 1), "E311"),
    "a range for texts": ({"city": (0, 1)}, CLASSES, "E311"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_public_columns_are_refused(name: str) -> None:
    columns, target, code = WRONG[name]
    with pytest.raises(ChainruleError) as caught:
        fit(frame(), privacy=cr.Privacy(3, 1e-5, columns=columns, target=target))
    assert caught.value.code == code


def test_a_range_in_the_wrong_order_is_corrected_by_the_fix() -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.Privacy(3, 1e-5, columns={"age": (120, 0)}, target=CLASSES)
    assert str(caught.value.fix) == "[0, 120]"


def test_tables_need_public_columns_and_arrays_do_not_take_them() -> None:
    x = np.zeros((50, 2), "float32")
    for table, y, privacy in ((frame(), "state", cr.Privacy(3, 1e-5)), (x, np.arange(50) % 2, PRIVACY)):
        with pytest.raises(ChainruleError) as caught:
            fit(table, y, privacy=privacy)
        assert caught.value.code == "E590"
