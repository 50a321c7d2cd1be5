"""Values inside a loop over time are called as in the papers, each with its step above."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.model import Model
from chainrule.nn import GRU, LSTM, SGD, Dense, Layer, Sequential
from chainrule.notation import to_unicode
from chainrule.page.spoken_formula import spoken
from chainrule.trace import Trace


def traced(layer: Layer) -> Trace:
    x, y = np.random.default_rng(0).normal(size=(4, 3, 2)), np.array([[0.0], [1.0], [0.0], [1.0]])
    model = Model(Sequential(layer, Dense(1)), "mse", SGD(0.1))
    model.fit(x, y, epochs=1, verbose=False)
    return model.trace(x[:1], y[:1])


@pytest.mark.parametrize(("layer", "letters"), [(LSTM(2), "hcifom"), (GRU(2), "hrum")], ids=["LSTM", "GRU"])
def test_states_and_gates_of_every_step_have_their_letters(layer: Layer, letters: str) -> None:
    t = traced(layer)
    found = {to_unicode(name.symbol((0, 0), 1)) for name in t.names.values() if name.role == "hidden"}
    wanted = {f"{letter}₁^(1,t={step})" for letter in letters for step in (1, 2, 3)}
    assert wanted - found <= {"h₁^(1,t=3)"}, "the last state is what the layer gives"


def test_the_memory_of_an_lstm_reads_as_in_the_paper() -> None:
    t = traced(LSTM(2))
    cell = next(n for n, name in t.names.items() if (name.letter, name.layer) == ("c", "1,t=2"))
    formula = to_unicode(t.unfolder.scalar(cell, (0, 0)))
    assert formula == "f₁^(1,t=2)·c₁^(1,t=1) + i₁^(1,t=2)·m₁^(1,t=2)"


def test_gates_are_read_out_by_their_names() -> None:
    t = traced(LSTM(2))
    cell = next(n for n, name in t.names.items() if (name.letter, name.layer) == ("c", "1,t=2"))
    said = spoken(t.unfolder.scalar(cell, (0, 0)), "en")
    assert said.startswith("the forget gate f₁^(1,t=2) times the cell c₁^(1,t=1)")
