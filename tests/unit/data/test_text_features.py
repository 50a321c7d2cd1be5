"""Texts and categories of many levels become a bounded number of named features."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Preparation, PreparedData, Table, describe, read_table
from chainrule.data.tables.encoders.category import Category
from chainrule.data.tables.encoders.texts import TABLE_LIMIT, TERM_LIMIT, WORD, Texts, word_lists
from hostile_records import refused_changes

TITLES = [
    f"{color} {tool} number {i}" for i in range(10) for color in ("Red", "blue") for tool in ("ink", "oil")
]
SMILES = ["CCO", "CCCO", "CCCCO", "CC(=O)O", "CCC(=O)O", "c1ccccc1", "c1ccccc1C", "CCN", "CCCN", "C1CC1"] * 2


def fit(texts: list, kind: str = "text", **more: list) -> Preparation:
    table = table_of(texts, **more)
    kinds = {name: kind for name in table.columns if name != "y"}
    return Preparation.fit(table, describe(table, "y", kinds), "y", "regression")


def table_of(texts: list, **more: list) -> Table:
    return read_table({"title": texts, **more, "y": [0.5 + i % 7 for i in range(len(texts))]})


def test_text_features_have_names_and_weights() -> None:
    p = fit(TITLES)
    x = dict(zip(p.feature_names, p.inputs(table_of(["Blue oil", "red"]))[0].tolist(), strict=True))
    names = [name for name in x if "~" in name]
    assert names[:4] == [
        'title~"blue"',
        'title~"ink"',
        'title~"oil"',
        'title~"red"',
    ]  # "number" is in every text
    weight = {word: np.log(41 / 21) + 1 for word in ("blue", "oil")}
    norm = np.sqrt(sum(w**2 for w in weight.values()))
    assert x['title~"blue"'] == pytest.approx(weight["blue"] / norm)
    assert x['title~"ink"'] == x['title~"red"'] == 0
    mean, std = p.features[-1].mean, p.features[-1].std
    assert x["title: characters"] == pytest.approx((np.log(1 + 8) - mean) / std)


def test_weights_do_not_depend_on_case_or_repetition() -> None:
    p = fit(TITLES)
    x = p.inputs(table_of(["RED ink!", "Red, red ink", "ｒｅｄ ink"]))
    assert x[0, :-1].tobytes() == x[1, :-1].tobytes() == x[2, :-1].tobytes()


@pytest.mark.parametrize("texts", [SMILES, [f"{a}{b}画" for a in "油水版" for b in "蓝红白黑"]])
def test_texts_without_recurring_words_have_sequences_as_terms(texts: list[str]) -> None:
    p = fit(texts)
    encoding = p.encodings[0]
    assert isinstance(encoding, Texts)
    assert not encoding.words
    assert max(map(len, encoding.terms)) >= 1 < len(encoding.terms)
    assert (p.inputs(table_of(texts))[:, :-1].any(axis=1)).all()


def test_the_number_of_features_is_bounded_and_reported() -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(f"w{k}" for k in random.integers(0, 400, 30)) for _ in range(200)]
    p = fit(texts)
    assert len(p.features) == TERM_LIMIT + 1
    assert p.encodings[0].description.en.startswith(f"{TERM_LIMIT} / ")
    wide = fit(texts, **{f"t{i}": texts for i in range(15)})
    assert len(wide.features) <= TABLE_LIMIT + 16
    assert len({len(e.features) for e in wide.encodings}) == 1


def test_missing_and_unknown_texts_are_reported() -> None:
    p = fit([*TITLES, None])
    x = p.inputs(table_of([None, "entirely new"]))
    assert x[0].tolist() == [0.0] * (x.shape[1] - 1) + [1.0]
    assert not x[1, : len(p.encodings[0].terms)].any()
    notices = fit(TITLES).apply(table_of([None, "entirely new", "red"])).notices
    assert [(n.code, n.facts["count"]) for n in notices] == [("texts_missing", 1), ("unknown_texts", 1)]


def test_a_column_without_recurring_terms_has_its_length() -> None:
    p = fit(["a", "bb", "ccc", "dddd"])
    assert p.feature_names == ("title: characters",)
    assert np.isfinite(p.inputs(table_of(["x" * 10_000, ""]))).all()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.none() | st.text(max_size=20) | st.sampled_from(TITLES), min_size=3, max_size=12))
def test_a_record_gives_equal_bits_and_rows_do_not_depend_on_one_another(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"title": pl.Series([*TITLES, *texts], dtype=pl.String)})
    table = read_table(frame.with_columns(y=pl.int_range(pl.len()) % 5))
    for kind in ("text", "category"):
        p = Preparation.fit(table, describe(table, "y", {"title": kind}), "y", "regression")
        q = Preparation.from_record(json.loads(json.dumps(p.to_record(), allow_nan=False)))
        assert q == p
        x = p.inputs(table)
        assert np.isfinite(x).all()
        assert q.inputs(table).tobytes() == x.tobytes()
        added = range(len(TITLES), table.rows)
        rows = [p.inputs(table.take(np.array([i])))[0] for i in added]
        assert np.stack(rows).tobytes() == x[len(TITLES) :].tobytes()


@given(st.text(max_size=40))
def test_any_text_has_words_without_separators(text: str) -> None:
    words = word_lists(pl.Series([text], dtype=pl.String))[0]
    assert all(word and not set(word) & set(" \t,;.!()") for word in words)
    assert WORD


@pytest.mark.parametrize(
    ("kind", "texts"), [("text", [*TITLES, None]), ("text", SMILES), ("category", TITLES)]
)
def test_a_manipulated_record_is_refused_or_harmless(kind: str, texts: list) -> None:
    table = table_of(texts)
    assert refused_changes(fit(texts, kind), table) > 100


def test_levels_beyond_the_limit_share_a_feature_and_keep_their_frequency() -> None:
    texts = [f"c{i}" for i in range(1_034) for _ in range(4 if i < 20 else 3 if i < 1_024 else 2)]
    p = fit(texts, "category")
    encoding = p.encodings[0]
    assert isinstance(encoding, Category)
    assert encoding.description.en.startswith("the 1024 most frequent of 1034 levels")
    x = p.inputs(table_of([*texts, "unseen", None]))
    frequency = x[:, p.feature_names.index("title: frequency")].astype(float)
    assert frequency[:-2].mean() == pytest.approx(0, abs=1e-6)
    assert frequency[:-2].std() == pytest.approx(1, abs=1e-6)
    assert (np.diff(frequency[:-2]) <= 0).all()
    assert frequency[-2] == frequency[-3]
    assert frequency[-1] == 0
    assert x[:-1, :1_025].sum(axis=1).tolist() == [1.0] * (len(texts) + 1)
    assert not x[-1].any()
    codes = [(n.code, n.facts["count"]) for n in p.apply(table_of([*texts, "unseen", None])).notices]
    assert codes == [("unseen_levels", 2)]


def test_cut_levels_and_terms_are_reported() -> None:
    random = np.random.default_rng(0)
    table = read_table(
        {
            "city": [f"c{i % 2_000}" for i in range(4_400)],
            "note": [" ".join(f"w{k}" for k in random.integers(0, 400, 30)) for _ in range(4_400)],
            "color": ["red", "blue"] * 2_200,
            "y": [i % 7 + 0.5 for i in range(4_400)],
        }
    )
    notices = PreparedData.of(table, "y").notices
    cut = [(n.code, n.facts["column"], n.facts["count"]) for n in notices if n.code.startswith("rare_")]
    assert cut == [("rare_levels", "city", 1_024), ("rare_terms", "note", TERM_LIMIT)]
