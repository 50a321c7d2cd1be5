"""Tables of a few different rows: each network sees every level and predicts its observed mean."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

import chainrule as cr


@pytest.mark.parametrize("net", ["ensemble", "16 relu"])
def test_probabilities_of_variants_are_the_observed_shares(net: str) -> None:
    generator = np.random.default_rng(0)
    variant = generator.integers(0, 4, 2_000)
    clicked = (generator.random(2_000) < np.array([0.05, 0.6, 0.2, 0.9])[variant]).astype(int)
    names = np.array(list("ABCD"))
    model = cr.TabularClassifier(net, random_state=0).fit(pd.DataFrame({"variant": names[variant]}), clicked)
    predicted = model.predict_proba(pd.DataFrame({"variant": names}))[:, 1]
    observed = [clicked[variant == number].mean() for number in range(4)]
    np.testing.assert_allclose(predicted, observed, atol=0.04)


@pytest.mark.long
def test_an_experiment_of_two_by_two_is_predicted_by_its_means() -> None:
    x = np.array(list(product((0.0, 1.0), repeat=2)) * 25)
    y = x @ [3.0, 2.0] - 4 * x[:, 0] * x[:, 1] + np.random.default_rng(1).normal(0, 0.4, 100)
    means = np.array([y[number::4].mean() for number in range(4)])
    model = cr.TabularRegressor(random_state=0).fit(x, y)
    np.testing.assert_allclose(model.predict(x[:4]), means, atol=0.3)


@pytest.mark.long
def test_a_truth_table_of_few_rows_is_learned() -> None:
    x = np.array(list(product((0.0, 1.0), repeat=2)) * 6)
    y = (x[:, 0] != x[:, 1]).astype(int)
    assert cr.TabularClassifier(random_state=0).fit(x, y).score(x, y) == 1.0


@pytest.mark.long
def test_classes_of_two_categories_are_predicted_as_by_the_shares_of_one() -> None:
    generator = np.random.default_rng(0)
    artist, materials = generator.integers(0, 200, 2_000), generator.integers(0, 60, 200)
    share = generator.choice([0.05, 0.95], 200)
    is_late = (generator.random(2_000) < share[artist]).astype(int)
    used = materials[artist]
    x = pd.DataFrame({"artist": [f"a{i}" for i in artist], "material": [f"m{i}" for i in used]})
    model = cr.TabularClassifier(random_state=0).fit(x[:1_000], is_late[:1_000])
    later_works, count = (np.bincount(artist[:1_000], w, 200) for w in (is_late[:1_000], np.ones(1_000)))
    loss, of_shares = (
        -np.log(np.where(is_late[1_000:] == 1, p, 1 - p)).mean()
        for p in (model.predict_proba(x[1_000:])[:, 1], ((later_works + 1) / (count + 2))[artist[1_000:]])
    )
    assert loss < of_shares
