"""Values of recurrent layers have the letters of the papers and the time step as superscript."""

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
def test_states_and_gates_of_every_time_step_have_their_letters(layer: Layer, letters: str) -> None:
    t = traced(layer)
    letters_found = {to_unicode(name.symbol((0, 0), 1)) for name in t.names.values() if name.role == "hidden"}
    expected = {f"{letter}₁^(1,t={step})" for letter in letters for step in (1, 2, 3)}
    assert expected - letters_found <= {"h₁^(1,t=3)"}, "the last state is what the layer gives"


def test_the_formula_of_an_lstm_cell_is_that_of_the_paper() -> None:
    t = traced(LSTM(2))
    cell = next(n for n, name in t.names.items() if (name.letter, name.layer) == ("c", "1,t=2"))
    formula = to_unicode(t.formulas.scalar(cell, (0, 0)))
    assert formula == "f₁^(1,t=2)·c₁^(1,t=1) + i₁^(1,t=2)·m₁^(1,t=2)"


def test_gates_are_read_out_by_name() -> None:
    t = traced(LSTM(2))
    cell = next(n for n, name in t.names.items() if (name.letter, name.layer) == ("c", "1,t=2"))
    words = spoken(t.formulas.scalar(cell, (0, 0)), "en")
    assert words.startswith("the forget gate f₁^(1,t=2) times the cell state c₁^(1,t=1)")
