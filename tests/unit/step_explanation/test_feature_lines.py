"""Explanations name each feature of a date or text in the language of the explanation."""

from __future__ import annotations

from chainrule.data import Preparation, describe, read_table
from chainrule.step_explanation.narrative import IN_ORDER, feature_lines

TABLE = read_table(
    {
        "sold": [f"{1 + i} Nov 2020" for i in range(28)],
        "took": [f"{i} min" for i in range(28)],
        "note": [f"a {'red' if i % 2 else 'blue'} note of a great many words, number {i}" for i in range(28)],
        "plant": [f"plant {i % 9}" for i in range(28)],
        "y": [0.5 + i for i in range(28)],
    }
)
PREPARATION = Preparation.fit(TABLE, describe(TABLE, "y"), "y", "regression")


def test_lines_are_in_the_requested_language() -> None:
    cells = PREPARATION.cells(TABLE, 3)
    english, chinese = ("\n".join(feature_lines(cells, lang)) for lang in ("en", "zh"))
    assert "(sold: days since 2020-11-01) = 4 Nov 2020" in english
    assert "（sold：自 2020-11-01 起的天数）= 原值 4 Nov 2020" in chinese
    assert "took：秒数" in chinese
    assert 'note~"red"' in english
    assert 'note~"red"' in chinese
    assert "seconds" not in chinese


def test_inputs_that_are_0_come_last_and_long_cells_are_cut() -> None:
    cells = PREPARATION.cells(TABLE, 3)
    assert len(cells) > IN_ORDER
    lines = feature_lines(cells, "en")
    is_zero = [line.endswith("receives as 0.0") for line in lines]
    assert is_zero == sorted(is_zero)
    assert any(is_zero)
    assert len(lines) == len(set(lines)) == len(cells)
    assert max(map(len, lines)) < 160
