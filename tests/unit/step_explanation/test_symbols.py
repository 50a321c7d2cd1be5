"""Every symbol of an explanation is defined before it is used, at every depth and in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.notation import Symbol, Tree, leaves, to_unicode
from chainrule.page.page import Equation, Items, Lines, Part, Table

RNG = np.random.default_rng(3)
ROWS, SEQUENCE, IMAGE = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 3, 4)), RNG.normal(size=(6, 5, 5, 2))
WORDS, CLASSES, VALUES = RNG.integers(0, 7, (6, 3)), np.array([0, 1, 2, 0, 1, 2]), RNG.normal(size=6)
NETS: dict[str, tuple[Any, Any, Any, Any, dict[str, Any]]] = {
    "values": (cr.Sequential(cr.Dense(3, "tanh"), cr.Dense(1)), "mse", ROWS, VALUES, {}),
    "classes": (
        cr.Sequential(cr.Dense(4, "relu"), cr.Dense(3)),
        "cross_entropy",
        ROWS,
        CLASSES,
        {"optimizer": cr.Adam(0.01), "clip": cr.ClipGlobalNorm(0.1)},
    ),
    "penalty": (
        cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid")),
        "half_mse",
        ROWS,
        CLASSES > 0,
        {"penalty": cr.L2(0.1), "optimizer": cr.SGD(0.1, momentum=0.9)},
    ),
    "norms": (
        cr.Sequential(cr.Dense(3), cr.BatchNorm(), cr.Dense(3), cr.LayerNorm(), cr.Dense(1)),
        "mse",
        ROWS,
        VALUES,
        {"optimizer": "rmsprop"},
    ),
    "prelu": (cr.Sequential(cr.Dense(3, "prelu"), cr.Dense(1)), "huber", ROWS, VALUES, {}),
    "lstm": (cr.Sequential(cr.LSTM(2), cr.Dense(1)), "mse", SEQUENCE, VALUES, {}),
    "gru": (cr.Sequential(cr.GRU(2), cr.Dense(1)), "mse", SEQUENCE, VALUES, {}),
    "rnn": (cr.Sequential(cr.RNN(2), cr.Dense(1)), "mse", SEQUENCE, VALUES, {}),
    "convolution": (
        cr.Sequential(cr.Conv(2, 3), cr.Activation("relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3)),
        "cross_entropy",
        IMAGE,
        CLASSES,
        {"optimizer": "adamw"},
    ),
    "attention": (
        cr.Sequential(
            cr.Embedding(7, 4),
            cr.TransformerEncoderLayer(2, units=3, dropout=0.0),
            cr.SequencePool("mean"),
            cr.Dense(3),
        ),
        "cross_entropy",
        WORDS,
        CLASSES,
        {},
    ),
    "residual": (cr.Sequential(cr.Residual(cr.Dense(4, "silu")), cr.Dense(1)), "mse", ROWS, VALUES, {}),
    "highway": (cr.Sequential(cr.Highway(), cr.Dense(1)), "log_cosh", ROWS, VALUES, {}),
}
FREE = {"e", "π", "…", "n", "i", "j", "k", "l", "m", "T"}  # constants, counts and running indices


@cache
def fitted(name: str) -> cr.Model:
    net, loss, x, y, options = NETS[name]
    model = cr.Model(net, loss, **options)
    model.fit(x, y, epochs=1, verbose=False, doctor=False)
    return model


def explanation(part: Part) -> Iterator[str | Tree]:
    match part:
        case Items(texts):
            yield from texts
        case Lines(_, equations):
            for item in equations:
                assert isinstance(item, Equation)
                yield from (tree for tree in (item.left, *item.steps) if tree is not None)
        case Table(_, rows):
            yield from (cell for row in rows for cell in row)
        case _:
            yield part


def letters(text: str | Tree) -> set[str]:
    """The letters of the symbols in a formula or text."""
    if isinstance(text, str):
        letters = re.findall(r"([\wŷĝ\u0302]+?)[₀-₉]*⁽", text) + re.findall(r"\((ŷ|J|[a-z])\)", text)
        return {re.sub(r"[₀-₉]+$", "", item) for item in letters}
    symbols = (leaf for leaf in leaves(text) if isinstance(leaf, Symbol))
    return {to_unicode(Symbol(s.name, accent=s.accent)) for s in symbols}


@pytest.mark.long
@loop_over("lang", ["en", "zh"])
@loop_over("depth", [1, 2, 3])
@loop_over("weight", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_every_symbol_is_defined_before_it_is_used(name: str, weight: bool, depth: int, lang: str) -> None:
    model, (_, _, x, y, _) = fitted(name), NETS[name]
    chosen = None
    if weight:
        path, value = next((p, v) for p, v in model.parameters().items() if v.ndim > 1)
        chosen = f"{path}[{','.join('0' * value.ndim)}]"
    page = model.explain(x[:1], y[:1], chosen, depth, lang)
    known, used = defined(page.sections[:2]), set[str]()
    for number, section in enumerate(page.sections):
        texts = [text for part in section.parts for text in explanation(part)]
        used |= {item for text in texts if number > 1 or not isinstance(text, str) for item in letters(text)}
    plain = {re.sub(r"[₀-₉′]+$", "", letter) for letter in used}
    assert used
    assert sorted(plain - known) == []


def defined(sections: Any) -> set[str]:
    """The letters that the summary and the notation explain."""
    texts = [text for section in sections for part in section.parts for text in explanation(part)]
    spoken = " ".join(text for text in texts if isinstance(text, str))
    return FREE | set(re.findall(r"[^\W\d_]+\u0302?\d*", spoken)) | set(re.findall(r"\S+(?=[:：])", spoken))
