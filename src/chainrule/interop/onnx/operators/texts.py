"""Operators on texts; their inputs are known when they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import fact
from chainrule.interop.onnx.call import Call
from chainrule.interop.onnx.operators.shape import table
from chainrule.interop.onnx.values import OperatorError, Value
from chainrule.ops import functional as F

PATTERN = 10_000  # characters of a regular expression


def _as_texts(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)


def _concatenated(call: Call) -> np.ndarray:
    a, b = np.broadcast_arrays(call.array(0), call.array(1))
    return _as_texts([str(x) + str(y) for x, y in zip(a.ravel(), b.ravel(), strict=True)], a.shape)


def _split(call: Call) -> tuple[np.ndarray, np.ndarray]:
    texts, delimiter = call.array(0), call.text("delimiter")
    limit = call.attributes.get("maxsplit")
    parts = [str(t).split(delimiter or None, -1 if limit is None else limit) for t in texts.ravel()]
    if not delimiter:
        parts = [part if str(t).strip() else [] for part, t in zip(parts, texts.ravel(), strict=True)]
    else:
        parts = [part if str(t) else [] for part, t in zip(parts, texts.ravel(), strict=True)]
    width = max(map(len, parts), default=0)
    table(len(parts), width)
    filled = [text for part in parts for text in (*part, *[""] * (width - len(part)))]
    counts = np.array([len(part) for part in parts], "int64").reshape(texts.shape)
    return _as_texts(filled, (*texts.shape, width)), counts


def _normalized(call: Call) -> np.ndarray:
    texts = call.array(0)
    action = call.choice("case_change_action", ("NONE", "LOWER", "UPPER"), "NONE")
    is_sensitive = bool(call.integer("is_case_sensitive"))
    stops = {str(w) if is_sensitive else str(w).lower() for w in call.attributes.get("stopwords") or []}
    words = [str(t) for t in texts.ravel() if (str(t) if is_sensitive else str(t).lower()) not in stops]
    change = {"NONE": str, "LOWER": str.lower, "UPPER": str.upper}[action]
    values = [change(text) for text in words] or [""]
    return _as_texts(values, (len(values),) if texts.ndim == 1 else (1, len(values)))


def _matches(call: Call) -> np.ndarray:
    """Return whether texts match a regular expression as a whole, by polars in linear time."""
    pattern = call.text("pattern")
    if len(pattern) > PATTERN:
        raise OperatorError(fact("a pattern of at most {limit:,} characters", limit=PATTERN), pattern[:40])
    texts = call.array(0)
    series = pl.Series([str(text) for text in texts.ravel()], dtype=pl.String)
    try:
        matches = series.str.contains(rf"\A(?:{pattern})\z")
    except pl.exceptions.PolarsError as error:
        raise OperatorError(fact("a regular expression"), str(error)) from error
    return matches.to_numpy().astype(bool).reshape(texts.shape)


def _ngram_weights(call: Call) -> np.ndarray:
    """Return the counts of n-grams with gaps, as counts, occurrences or weights."""
    array = call.array(0)
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    starts, index = call.attributes["ngram_counts"], call.attributes["ngram_indexes"]
    pool = call.attributes.get("pool_int64s") or call.attributes.get("pool_strings") or []
    shortest, longest = call.integer("min_gram_length"), call.integer("max_gram_length")
    skips, mode = call.integer("max_skip_count"), call.choice("mode", ("TF", "IDF", "TFIDF"))
    grams: dict[tuple[Any, ...], int] = {}
    for n, (first, last) in enumerate(zip(starts, [*starts[1:], len(pool)], strict=True), 1):
        for i in range(first, last, n):
            grams[tuple(pool[i : i + n])] = len(grams)
    size = max(index, default=-1) + 1
    table(len(rows), size)
    result = np.zeros((len(rows), size), "float32")
    weights = call.attributes.get("weights") or [1.0] * len(index)
    lengths = range(max(shortest, 1), longest + 1)
    forms = [(n, skip + 1) for n in lengths for skip in range(1 if n == 1 else skips + 1)]
    for row, items in enumerate(rows.tolist()):
        counts = Counter(grams[gram] for gram in _grams(items, forms) if gram in grams)
        for gram, times in counts.items():
            factor = weights[gram] if mode != "TF" else 1.0
            result[row, index[gram]] = factor * (times if mode != "IDF" else 1.0)
    return result[0] if array.ndim == 1 else result


def _grams(items: Sequence[Any], forms: Iterable[tuple[int, int]]) -> Iterator[tuple[Any, ...]]:
    """Yield the n-grams of a row, for each number of items and distance between them."""
    for n, step in forms:
        span = (n - 1) * step + 1
        for first in range(len(items) - span + 1):
            yield tuple(items[first : first + span : step])


def _labels(call: Call) -> Any:
    """Return a value for each label."""
    array = call.array(0)

    def listed(kind: str) -> list[Any]:
        for suffix in ("tensor", "strings", "int64s", "floats"):
            values = call.attributes.get(f"{kind}_{suffix}")
            if values is not None and len(values):
                return np.ravel(np.asarray(values)).tolist() if suffix == "tensor" else list(values)
        raise OperatorError(f"{kind}_tensor", fact("none"))

    keys, values = listed("keys"), listed("values")
    known = {_key(k): v for k, v in zip(keys, values, strict=True)}
    default: Any = call.attributes.get("default_tensor")
    if isinstance(values[0], str):
        default = call.text("default_string", "_Unused") if default is None else np.ravel(default)[0]
        return _as_texts([known.get(_key(v), default) for v in array.ravel()], array.shape)
    kind = "float32" if isinstance(values[0], float) else "int64"
    fallback = call.real("default_float") if kind == "float32" else call.integer("default_int64", -1)
    tensor = call.attributes.get("values_tensor")
    default = fallback if default is None else np.ravel(default)[0]
    result = np.array([known.get(_key(v), default) for v in array.ravel()]).reshape(array.shape)
    return result.astype(kind if tensor is None else np.asarray(tensor).dtype)


def _key(value: Any) -> Any:
    """Return a label as a key: all NaN are one, and numbers are equal whatever their dtype."""
    if isinstance(value, str):
        return value
    number = float(value)
    return "NaN" if number != number else number


def _binarized(call: Call) -> Value | Any:
    x = call.x
    return F.where(F.greater(x, call.real("threshold")), F.full_like(x, 1), F.full_like(x, 0))


OPERATORS: dict[str, Any] = {
    "RegexFullMatch": _matches,
    "StringConcat": _concatenated,
    "StringNormalizer": _normalized,
    "StringSplit": _split,
    "TfIdfVectorizer": _ngram_weights,
    "ai.onnx.ml.Binarizer": _binarized,
    "ai.onnx.ml.LabelEncoder": _labels,
}
