"""Columns of texts in exported files: the terms and lengths that the encoder of a table has."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import chainrule as cr
from chainrule.data.tables.encoders.texts import sequence_lists, word_lists
from chainrule.errors import FileError
from chainrule.interop.onnx.export.graph import OnnxGraph, described
from chainrule.interop.onnx.export.texts import _blocks, log_length, sequence_pattern, word_pattern
from chainrule.symbolic_shape import Size, Spec

WORDS = ("blue", "don't", "5", "x5", "naïve", "北京", "l’été", "k", "5th", "rock'n'roll")
PIECES = st.sampled_from(
    [*WORDS, *"bluex5 '’,.-_–“。", "BLUE", "Blue's", "'n", "É", "Ж", "a\u0315", "\n", "٣", "5'"]
)
TEXTS = st.lists(PIECES, max_size=6).map(lambda parts: unicodedata.normalize("NFKC", "".join(parts)))
ROWS = 120


def matches(pattern: str, texts: list[str]) -> np.ndarray:
    """Which texts match a pattern as a whole, by the importer of ONNX files and by ONNX Runtime."""
    x, y = (helper.make_tensor_value_info(n, t, ["n"]) for n, t in (("x", 8), ("y", TensorProto.BOOL)))
    graph = helper.make_graph(
        [helper.make_node("RegexFullMatch", ["x"], ["y"], pattern=pattern)], "g", [x], [y]
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    feeds = {"x": np.array(texts, object)}
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, feeds)
    (other,) = ReferenceEvaluator(proto).run(None, feeds)
    np.testing.assert_array_equal(other, expected)
    return np.asarray(expected)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(WORDS), st.lists(TEXTS, min_size=20, max_size=40))
def test_a_word_is_in_a_text_where_the_encoder_has_it(word: str, texts: list[str]) -> None:
    lists = word_lists(pl.Series(texts, dtype=pl.String)).to_list()
    pattern = word_pattern(word, _blocks(WORDS))
    assert matches(pattern, texts).tolist() == [word in words for words in lists]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["C", "C(", "=O)", "é", "\\", "."]),
    st.lists(st.text("CO(=)é\\. ", max_size=9), min_size=9),
)
def test_a_sequence_is_in_a_text_where_the_encoder_has_it(term: str, texts: list[str]) -> None:
    texts = [*texts, "x" * 199 + term, "x" * (200 - len(term)) + term + "x"]
    lists = sequence_lists(pl.Series(texts)).to_list()
    assert matches(sequence_pattern(term, frozenset()), texts).tolist() == [term in part for part in lists]


def test_lengths_of_any_text_are_known() -> None:
    graph = OnnxGraph({}, {}, opset=20)
    graph.add_named_input("x", Spec((Size.symbol("B"), 1), "string"))
    spec = Spec((Size.symbol("B"), 1), "float64")
    output = graph.named(log_length(graph, "x"), "length", spec)
    assert described("length", spec) == output
    proto = helper.make_model(
        graph.proto("g", [output]), opset_imports=[helper.make_opsetid("", 20)], ir_version=9
    )
    texts = ["", "é", "北\n", "x" * 17, "x" * 359, "x" * 5_039, "x" * 100_003]
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (lengths,) = session.run(None, {"x": np.array(texts, object).reshape(-1, 1)})
    np.testing.assert_allclose(lengths[:, 0], np.log1p([len(text) for text in texts]), rtol=1e-12)


def table() -> pl.DataFrame:
    """A table with texts of words, texts of sequences, gaps in both, dates and categories."""
    rng = np.random.default_rng(0)
    titles = [", ".join(rng.choice(WORDS, rng.integers(1, 5))).capitalize() + "." for _ in range(ROWS)]
    codes = ["".join(rng.choice(list("CON()=1"), 9)) for _ in range(ROWS)]
    days = np.datetime64("2019-01-01") + rng.integers(0, 900, ROWS)
    return pl.DataFrame(
        {
            "title": [None if i % 9 == 1 else title for i, title in enumerate(titles)],
            "code": [None if i % 7 == 2 else code for i, code in enumerate(codes)],
            "city": [
                None if i % 11 == 3 else name for i, name in enumerate(rng.choice(["Rome", "北京"], ROWS))
            ],
            "day": [str(day) for day in days],
            "y": ["yes" if "lue" in title else "no" for title in titles],
        }
    )


@pytest.fixture(scope="module")
def model() -> cr.Model:
    """An ensemble that is trained on the table."""
    layers = cr.EnsembleNormalization(3), cr.EnsembleDense(6, "relu"), cr.EnsembleDense(2)
    model = cr.Model(cr.Sequential(*layers, cr.EnsembleMean("softmax")), "cross_entropy")
    model.fit(table(), "y", kinds={"title": "text", "code": "text"}, epochs=2, verbose=False)
    return model


@pytest.mark.long
def test_a_file_has_the_probabilities_of_all_rows(model: cr.Model, tmp_path: Path) -> None:
    rows = table().drop("y")
    path = tmp_path / "m.onnx"
    model.export(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert {e.domain: e.version for e in onnx.load(path).opset_import}[""] == 20
    days = rows["day"].to_numpy().astype("datetime64[us]").astype("int64")
    feeds = {
        name: np.array([cell or "" for cell in rows[name]], object) for name in ("title", "code", "city")
    }
    feeds = {name: column.reshape(-1, 1) for name, column in {**feeds, "day": days}.items()}
    expected = model.predict_proba(rows)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch in (1, 2, 7, ROWS):
        label, p = session.run(["label", "probabilities"], {name: c[:batch] for name, c in feeds.items()})
        np.testing.assert_allclose(p, expected[:batch], atol=1e-5)
        assert label.tolist() == model.predict(rows[:batch]).tolist()
    np.testing.assert_allclose(cr.load_onnx(path).run(feeds)["probabilities"], expected, atol=1e-5)
    reference = ReferenceEvaluator(str(path)).run(None, {name: c[:9] for name, c in feeds.items()})
    np.testing.assert_allclose(reference[1], expected[:9], atol=1e-5)


@pytest.mark.parametrize("suffix", [".py", *([".html"] if shutil.which("node") else [])])
def test_programs_compare_texts_before_they_are_written(model: cr.Model, suffix: str, tmp_path: Path) -> None:
    report = model.export(tmp_path / f"m{suffix}")
    assert report.difference <= 1e-5


def test_formats_without_texts_are_named_with_what_has_them(model: cr.Model, tmp_path: Path) -> None:
    for name, options, fix in (("m.c", {}, "model.onnx"), ("m.onnx", {"opset": 19}, "opset=20")):
        with pytest.raises(FileError, match="E462") as caught:
            model.export(tmp_path / name, **options)
        assert fix in str(caught.value.fix)
    assert not list(tmp_path.iterdir())


def test_a_pattern_of_a_hostile_file_ends() -> None:
    assert not matches_of_importer("(a|aa)*b", ["a" * 50_000]).any()


def matches_of_importer(pattern: str, texts: list[str]) -> np.ndarray:
    """Which texts match a pattern, by the importer alone."""
    from chainrule.interop.onnx.operators.texts import _matches  # noqa: PLC0415

    call = SimpleNamespace(text=lambda name: pattern, array=lambda i: np.array(texts, object))
    return _matches(call)  # pyright: ignore[reportArgumentType]
