"""Play connect four against a network in the terminal."""

from __future__ import annotations

import sys

import numpy as np

from chainrule.page import screen
from chainrule_examples.connect_four.rules import (
    COLUMNS,
    EMPTY,
    board_text,
    has_four,
    is_over,
    legal_columns,
    play,
)
from chainrule_examples.connect_four.tree_search import SearchPlayer

MAX_LETTERS = 80  # of a line of input


def play_in_terminal(player: SearchPlayer, texts: dict[str, str]) -> None:
    """Play a game: the user moves first and enters columns; the end of the input ends the game.

    Args:
        player: the opponent.
        texts: see ``connect_four_texts.py``.
    """
    (own, mask), is_user = EMPTY, True
    screen.line(texts["start"])
    _show(own, mask)
    while not is_over(own, mask):
        column = _read_column(mask, texts) if is_user else _network_column(player, own, mask, texts)
        if column is None:
            screen.line(texts["end"])
            return
        own, mask = play(own, mask, column)
        _show(own, mask)
        is_user = not is_user
    winner = ("X" if not is_user else "O") if has_four(own ^ mask) else "draw"
    screen.line(texts[winner])


def _show(own: int, mask: int) -> None:
    """Print the board with the numbers of its columns."""
    screen.block("\n" + board_text(own, mask) + "\n" + " ".join(str(c + 1) for c in range(COLUMNS)))


def _read_column(mask: int, texts: dict[str, str]) -> int | None:
    """The column that the user enters; ``None`` at the end of the input."""
    columns = legal_columns(mask)
    while True:
        print(texts["prompt"], end="", flush=True)
        line = sys.stdin.readline(MAX_LETTERS)
        text = line.strip()
        if not line or text.lower() == "q":
            return None
        column = int(text) - 1 if text.isdecimal() else -1
        if column in columns:
            return column
        if 0 <= column < COLUMNS:
            message = texts["full"].format(column=text, open=", ".join(str(c + 1) for c in columns))
        else:
            message = texts["column"].format(text=text)
        screen.line(message)


def _network_column(player: SearchPlayer, own: int, mask: int, texts: dict[str, str]) -> int:
    """The column that the network plays; prints its value of each column."""
    columns, values = player.search(np.array([own]), np.array([mask]))
    numbers = " ".join("-" if np.isnan(value) else f"{value:+.2f}" for value in values[0])
    screen.line()
    screen.line(texts["values"].format(values=numbers))
    screen.line(texts["plays"].format(column=int(columns[0]) + 1))
    return int(columns[0])
