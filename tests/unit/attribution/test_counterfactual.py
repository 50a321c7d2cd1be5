"""Counterfactuals: valid by the model itself, near, sparse, and within what a person allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.attribution.counterfactual.counterfactual import row_domain
from chainrule.attribution.counterfactual.search import Axis, Search
from chainrule.data import read_table
from chainrule.errors import ChainruleError, TrainingError
from chainrule.model import Model
from chainrule.nn import Adam, Dense, Flatten, Sequential

RNG = np.random.default_rng(0)
TABLE = {
    "age": RNG.integers(20, 60, 80).tolist(),
    "income": (RNG.normal(30, 8, 80).round(1)).tolist(),
    "purpose": RNG.choice(["car", "house", "studies"], 80).tolist(),
    "employed": RNG.choice(["yes", "no"], 80).tolist(),
}
GOOD = np.array(TABLE["income"]) / 10 + (np.array(TABLE["employed"]) == "yes") > 3.4
TABLE["credit"] = np.where(GOOD, "good", "bad").tolist()
ROW = {"age": 30, "income": 22.5, "purpose": "car", "employed": "no"}


@pytest.fixture(scope="module")
def credit() -> Model:
    model = Model(Sequential(Dense(8, "tanh"), Dense(2)), "cross_entropy", Adam(0.05))
    model.fit(TABLE, "credit", epochs=25, verbose=False)
    return model


def answers(model: Model, alternative: Any) -> Any:
    """What the model says of a row with these changes, by way of a table."""
    cells: dict[str, Any] = dict(ROW)
    for change in alternative.changes:
        cells[change.column] = type(cells[change.column])(change.after)
    return model.predict(read_table({name: [cell] for name, cell in cells.items()}))[0]  # pyright: ignore


@pytest.mark.parametrize("data", [None, TABLE])
def test_every_alternative_is_predicted_by_the_model_itself(credit: Model, data: Any) -> None:
    found = credit.counterfactual(ROW, "good", data=data)
    assert found.prediction == "bad"
    assert found.alternatives
    for each in found.alternatives:
        assert answers(credit, each) == "good"
        assert each.prediction == "good"
        assert each.probability is not None
        assert each.probability > 0.5
        assert 1 <= len(each.changes) <= 3
    distances = [each.distance for each in found.alternatives]
    assert distances == sorted(distances)
    chosen = [frozenset(change.column for change in each.changes) for each in found.alternatives]
    assert len(set(chosen)) == len(chosen)


def test_what_is_fixed_stays_and_ranges_hold(credit: Model) -> None:
    ranges = {"income": (None, 40), "purpose": ["car", "studies"], "age": (25, 50)}
    found = credit.counterfactual(
        ROW, "good", data=TABLE, fixed=["employed"], ranges=ranges, count=5, max_changes=3
    )
    for each in found.alternatives:
        for change in each.changes:
            assert change.column != "employed"
            if change.column == "income":
                assert 22.5 < float(change.after) <= 40
                assert float(change.after) == round(float(change.after), 1)  # as many decimals as the data
            if change.column == "age":
                assert change.after == str(int(change.after))
                assert 25 <= int(change.after) <= 50
            assert change.after != "house"


def test_a_change_is_as_small_as_the_prediction_allows(credit: Model) -> None:
    found = credit.counterfactual(ROW, "good", data=TABLE, max_changes=1)
    (change,) = next(each.changes for each in found.alternatives if each.changes[0].column == "income")
    nearer = {name: [cell] for name, cell in {**ROW, "income": float(change.after) - 0.1}.items()}
    assert credit.predict(read_table(nearer))[0] == "bad"  # pyright: ignore


def test_the_search_sees_what_the_preparation_makes() -> None:
    codes = [f"c{i % 60}" for i in range(90)]  # more levels than have features of their own
    gaps = {
        "age": [None if i == 3 else i for i in range(90)],
        "code": [None if i == 4 else code for i, code in enumerate(codes)],
        "employed": [None if i == 5 else ("y" if i % 2 else "n") for i in range(90)],
        "height": (np.arange(90) / 8).tolist(),
        "y": [i % 3 == 0 for i in range(90)],
    }
    model = Model(Sequential(Dense(2)), "cross_entropy", Adam(0.05))
    model.fit(gaps, "y", epochs=1, verbose=False)
    rows = ({"age": 5, "code": "c1", "employed": "y", "height": 2.5},
            {"age": None, "code": None, "employed": None, "height": None},
            {"age": 1e9, "code": "new", "employed": "是", "height": -3})  # fmt: skip
    for row in rows:
        domain = row_domain(model, row, None)
        points = np.repeat(domain.start[None], 70, axis=0)
        for i, axis in enumerate(domain.axes):
            tried = np.array([*axis.choices(domain.start[i]), np.nan])
            points[: len(tried), i] = tried[:70]
        np.testing.assert_array_equal(domain.encode(points), domain.cells(points))


def test_values_are_reached_from_either_side() -> None:
    x = np.linspace(-1, 1, 40).reshape(20, 2)
    model = Model(Sequential(Dense(1)), "mse", Adam(0.1))
    model.fit(x, 3 * x[:, 0] + 1, epochs=20, verbose=False)
    now = float(model.predict(x[:1])[0])  # pyright: ignore
    for wanted, low, high in ((now + 1, now + 1, np.inf), (now - 0.1, -np.inf, now - 0.1),
                              ((now + 0.5, now + 0.6), now + 0.5, now + 0.6)):  # fmt: skip
        found = model.counterfactual(x[0], wanted, data=x * 1.5, count=2)
        assert all(low <= each.prediction <= high for each in found.alternatives)
        assert found.alternatives[0].probability is None


def test_a_single_score_has_two_classes() -> None:
    x = RNG.normal(size=(40, 2))
    model = Model(Sequential(Dense(1)), "binary_cross_entropy", Adam(0.1))
    model.fit(x, (x[:, 0] > 0).astype(int), epochs=20, verbose=False)
    for row in (x[0], x[1], x[2]):
        found = model.counterfactual(row, data=x)
        assert all(each.prediction == 1 - found.prediction for each in found.alternatives)


def test_the_page_has_both_languages(credit: Model) -> None:
    found = credit.counterfactual(ROW, data=TABLE, lang="zh")
    assert "反事实" in str(found)
    assert "income" in str(found)
    for text in ("What would have to change", "反事实"):
        assert text in found.to_html()


@pytest.mark.parametrize(
    ("row", "wanted", "options", "code", "says"),
    [
        (ROW, "god", {}, "E547", "good"),
        (ROW, "bad", {}, "E548", "bad"),
        (ROW, "good", {"fixed": ["income", "employed", "age", "purpose"]}, "E546", "good"),
        (ROW, "good", {"fixed": ["incom"]}, "E101", "income"),
        (ROW, "good", {"ranges": {"purpose": ["boat"]}}, "E101", "boat"),
        (ROW, "good", {"ranges": {"income": (40, 20)}}, "E102", "income"),
        (ROW, "good", {"ranges": {"income": 40}}, "E102", "income"),
        (ROW, "good", {"ranges": 5}, "E102", "ranges"),
        (ROW, "good", {"fixed": 5}, "E102", "fixed"),
        (ROW, "good", {"max_changes": 0}, "E102", "max_changes"),
        (ROW, "good", {"max_chagnes": 2}, "E101", "max_changes"),
        ({"age": 30, "income": 22.5}, "good", {}, "E326", "purpose"),
        ({**ROW, "age": "young"}, "good", {}, "E311", "young"),
        (TABLE, "good", {}, "E102", "80 rows"),
        (ROW, "good", {"data": {"age": [1]}}, "E313", "income"),
    ],
)
def test_invalid_arguments_raise_errors(
    credit: Model, row: Any, wanted: Any, options: dict[str, Any], code: str, says: str
) -> None:
    with pytest.raises(ChainruleError) as caught:
        credit.counterfactual(row, wanted, **options)
    assert caught.value.code == code
    assert says in str(caught.value)


def test_rows_without_columns_are_refused() -> None:
    with pytest.raises(TrainingError):
        Model(Dense(1), "mse").counterfactual([1.0])
    plain = Model(Dense(1), "mse")
    plain.fit(RNG.normal(size=(6, 2)), RNG.normal(size=6), epochs=1, verbose=False)
    odd: Any
    for odd, data, code in (
        (["a", "b"], [[1, 2]], "E340"),
        ([1, 2, 3], [[1, 2]], "E209"),
        ([1, 2], [["a"]], "E340"),
        ([[1, 2], [3, 4]], [[1, 2]], "E102"),
        ([1, 2], None, "E549"),
    ):
        with pytest.raises(ChainruleError) as caught:
            plain.counterfactual(odd, 3.0, data=data)
        assert caught.value.code == code
    model = Model(Sequential(Flatten(), Dense(1)), "mse")
    x = RNG.normal(size=(4, 2, 2, 1))
    model.fit(x, x[:, 0, 0, 0], epochs=1, verbose=False)
    with pytest.raises(ChainruleError) as caught:
        model.counterfactual(x[0], 3.0, data=x)
    assert caught.value.code == "E549"


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.floats(0.1, 3))
def test_of_a_linear_score_the_nearest_change_is_found(weights: list[float], far: float) -> None:
    slopes = np.array(weights)
    reach = 2 * np.abs(slopes).max()  # what the best column can do alone
    axes = [Axis(f"x{i}", -2.0, 2.0) for i in range(3)]
    search = Search(lambda points: points @ slopes - far, np.zeros(3), axes)
    found = search.run(max_changes=1, count=1)
    if reach < far:
        assert found == []
    elif reach > far * 1.001:
        (point,) = found
        best = far / np.abs(slopes).max()
        assert float(point @ slopes) > far
        assert best <= np.abs(point).sum() <= best * 1.02 + 0.01
