"""Sample weights of a table follow their rows: to training, to validation, or out of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DataError
from chainrule.train.inputs import target


def table(path: Path, targets: list[str]) -> str:
    lines = ["a,price", *(f"{i * 0.37 % 1},{target}" for i, target in enumerate(targets))]
    path.write_text("\n".join(lines))
    return str(path)


def fitted(source: str, weights: Any, **options: Any) -> Any:
    model = cr.Model(cr.Dense(1), "mse", cr.SGD(0.1), dtype="float64", engine="reference")
    model.fit(source, "price", sample_weight=weights, epochs=3, batch_size=64, verbose=False, **options)
    return model


def test_validation_rows_keep_their_weights(tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", [f"{i % 7}.5" for i in range(40)])
    even = fitted(source, None, validation=0.25)
    same, other = (fitted(source, w, validation=0.25) for w in (np.full(40, 2.0), np.arange(40.0)))
    assert all(a == pytest.approx(b) for a, b in zip(same.history, even.history, strict=True))
    assert other.history[0]["loss"] != pytest.approx(even.history[0]["loss"])
    assert other.history[0]["val_loss"] != pytest.approx(even.history[0]["val_loss"])


def test_weights_of_rows_without_target_are_dropped(tmp_path: Path) -> None:
    targets, weights = [f"{i % 7}.5" for i in range(40)], np.arange(1.0, 41.0)
    holes = table(tmp_path / "holes.csv", [*targets, "", ""])
    model = fitted(holes, np.append(weights, [1e9, 1e9]))
    assert model.history == fitted(table(tmp_path / "whole.csv", targets), weights).history


def test_a_wrong_number_of_weights_is_refused(tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", [f"{i % 7}.5" for i in range(40)])
    with pytest.raises(DataError, match="E344") as caught:
        fitted(source, np.ones(39), validation=0.25)
    assert "40 rows, as the table has" in str(caught.value)
    assert "weights has 39" in str(caught.value)


def frames(rows: int) -> list[tuple[Any, Any]]:
    """Mixed columns and labels as data frames and series of pandas and polars, and as an array."""
    columns = {
        "size": [i % 9 * 1.5 for i in range(rows)],
        "city": ["Rome" if i % 3 else "Bonn" for i in range(rows)],
    }
    labels = ["yes" if i % 3 else "no" for i in range(rows)]
    pandas = pytest.importorskip("pandas")
    return [
        (pandas.DataFrame(columns), pandas.Series(labels, name="sold")),
        (polars.DataFrame(columns), polars.Series("sold", labels)),
        (polars.DataFrame(columns), np.array(labels)),
    ]


def test_a_data_frame_with_texts_and_its_labels_are_a_table() -> None:
    results = []
    for x, y in frames(40):
        model = cr.Model(cr.Dense(1), "binary_cross_entropy", engine="reference")
        model.fit(x, y, epochs=3, validation=(x, y), seed=1, verbose=False)
        assert model.preparation is not None
        assert model.preparation.target == getattr(y, "name", "target")
        assert model.labels == ("no", "yes")
        results.append((model.history, model.evaluate(x, y)))
    assert results[0] == results[1] == results[2]


def test_mismatched_labels_of_a_data_frame_are_refused() -> None:
    x, y = frames(40)[1]
    model = cr.Model(cr.Dense(1), "binary_cross_entropy", engine="reference")
    with pytest.raises(DataError, match="E344"):
        model.fit(x, y[:39], verbose=False)
    with pytest.raises(DataError, match="E305"):
        model.fit(x.with_columns(y), y, verbose=False)


def test_a_data_frame_of_numbers_is_an_array() -> None:
    x = polars.DataFrame({"a": [0.5, 1.0, 2.0], "b": [1, 2, 3]})
    model = cr.Model(cr.Dense(1), "mse", engine="reference")
    model.fit(x, np.arange(3.0), epochs=1, verbose=False)
    assert model.preparation is None


def zips(rows: int = 60, shift: int = 0) -> polars.DataFrame:
    """A frame of numbers, one of which is a code, and its target."""
    codes = [1000 + (i + shift) % 3 for i in range(rows)]
    sold = ["yes" if code == 1001 else "no" for code in codes]
    return polars.DataFrame({"size": [i % 7 + shift for i in range(rows)], "zip": codes, "sold": sold})


@pytest.mark.filterwarnings("ignore:column")
@pytest.mark.parametrize("is_joined", [True, False], ids=["column", "array"])
def test_kinds_of_columns_are_those_of_the_user(is_joined: bool) -> None:
    table = zips()
    x, y = (table, "sold") if is_joined else (table.drop("sold"), table["sold"])
    model = cr.Model(cr.Dense(1), "binary_cross_entropy", cr.Adam(0.1), engine="reference")
    model.fit(x, y, kinds={"zip": "category"}, epochs=30, verbose=False)
    assert model.preparation is not None
    assert [encoding.kind for encoding in model.preparation.encodings] == ["number", "category"]
    assert (model.predict(x) == table["sold"].to_numpy()).all()  # a line cannot separate the code between


@pytest.mark.parametrize(
    ("x", "kinds", "code"),
    [
        (np.ones((4, 2)), {"zip": "category"}, "E102"),
        (zips(), {"zop": "category"}, "E313"),
        (zips(), {"zip": "categry"}, "E101"),
        (zips(), "category", "E113"),
        (zips(), {"sold": 3}, "E101"),
    ],
    ids=["array", "column", "kind", "text", "number"],
)
def test_invalid_kinds_are_refused(x: Any, kinds: Any, code: str) -> None:
    model = cr.Model(cr.Dense(1), "binary_cross_entropy", engine="reference")
    y = "sold" if isinstance(x, polars.DataFrame) else np.array([0, 1, 0, 1])
    with pytest.raises(ChainruleError) as caught:
        model.fit(x, y, kinds=kinds, verbose=False)
    assert caught.value.code == code


@pytest.mark.filterwarnings("ignore:column")
@pytest.mark.parametrize("validation", [None, 0.25], ids=["all", "validation"])
def test_a_training_that_continues_encodes_the_table_as_before(validation: float | None) -> None:
    model = cr.Model(cr.Dense(1), "binary_cross_entropy", cr.Adam(0.1), engine="reference")
    model.fit(zips(), "sold", epochs=3, verbose=False)
    preparation, before = model.preparation, model.predict_proba(zips())
    model.fit(zips(30, shift=9), "sold", epochs=0, warm_start=True, validation=validation, verbose=False)
    assert model.preparation == preparation
    assert (model.predict_proba(zips()) == before).all()
    for options in ({"kinds": {"zip": "category"}}, {"y": "zip"}):
        with pytest.raises(ChainruleError, match="E102"):
            model.fit(zips(), **{"y": "sold", **options}, warm_start=True, verbose=False)


@pytest.mark.parametrize(
    "labels", [("no", "yes"), (False, True), (3, 7)], ids=["texts", "booleans", "numbers"]
)
def test_labels_of_a_table_are_encoded_once(labels: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"a": [i * 0.37 % 1 for i in range(80)], "b": [labels[i % 3 > 0] for i in range(80)]}
    table = polars.DataFrame(columns)
    encoded_kinds: list[str] = []
    encode = target.Target.encode

    def recorded(self: target.Target, y: np.ndarray, where: str = "y") -> np.ndarray:
        encoded_kinds.append(y.dtype.kind)
        return encode(self, y, where)

    monkeypatch.setattr(target.Target, "encode", recorded)
    model = cr.Model(cr.Dense(1), "binary_cross_entropy", engine="reference")
    model.fit(table, "b", epochs=2, verbose=False)
    assert set(encoded_kinds) == {"i"}
    assert model.labels == labels
    arrays = cr.Model(cr.Dense(1), "binary_cross_entropy", engine="reference")
    assert model.preparation is not None
    arrays.fit(model.preparation.inputs(cr.read_table(table)), table["b"].to_numpy(), epochs=2, verbose=False)
    assert arrays.history == model.history


def test_the_fix_for_an_unknown_target_is_an_argument_of_fit() -> None:
    frame = polars.DataFrame({"x": [1.0, 2.0] * 9, "species": ["a", "b"] * 9})
    with pytest.raises(DataError) as caught:
        cr.Model(cr.Dense(2), "cross_entropy").fit(frame, "specis", epochs=1, verbose=False)
    assert caught.value.code == "E313"
    assert caught.value.fix == 'y="species"'
