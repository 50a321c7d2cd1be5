"""A game of connect four on a page and in the terminal, with the texts of the example."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np

from chainrule.messages import Texts
from chainrule.page import BLUE, ORANGE, PALE, Frame, result_page, screen
from chainrule_examples import COMMON
from chainrule_examples.connect_four.alpha_beta_and_players import Solver
from chainrule_examples.connect_four.rules import (
    CELLS,
    COLUMNS,
    EMPTY,
    ROWS,
    board_text,
    count_bits,
    has_four,
    is_over,
    legal_columns,
    planes_of,
    play,
)
from chainrule_examples.connect_four.tree_search import Evaluate, SearchPlayer

# A page with a game of connect four: the board with numbered moves, and the value after each move.

FROM = 16  # stones; the solver needs seconds for positions with fewer
SIZE = 40  # of a cell in pixels


def board_svg(boards: Sequence[tuple[int, int]]) -> str:
    """The last board of a game that started empty, with the number of the move in each stone.

    Example:
        >>> from chainrule_examples.connect_four.rules import EMPTY, position
        >>> board_svg([EMPTY, position([3])]).count("<circle")
        42
    """
    masks = [mask for _, mask in boards]
    steps = enumerate(itertools.pairwise(masks), 1)
    order = {(after ^ before).bit_length() - 1: i for i, (before, after) in steps}
    parts = []
    for bit in (7 * column + row for column in range(COLUMNS) for row in range(ROWS)):
        x, y = SIZE * (bit // 7) + SIZE // 2, SIZE * (ROWS - bit % 7) - SIZE // 2
        number = order.get(bit)
        color = PALE if number is None else BLUE if number % 2 else ORANGE
        parts.append(f'<circle cx="{x}" cy="{y}" r="{SIZE * 0.42:g}" fill="{color}"/>')
        if number is not None:
            parts.append(f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="#fff">{number}</text>')
    box = f'viewBox="0 0 {SIZE * COLUMNS} {SIZE * ROWS}" font-family="sans-serif" font-size="14"'
    return f'<svg {box} role="img" style="max-width: 20em">{"".join(parts)}</svg>'


def value_chart(boards: Sequence[tuple[int, int]], evaluate: Evaluate) -> str:
    """The values for the player who moves first: estimates as a line, exact values as dots."""
    solver, frame = Solver(), Frame((0, CELLS), (-1.1, 1.1), has_integer_x=True)
    playing = [board for board in boards if not is_over(*board)]
    estimates = evaluate(planes_of(*np.array(playing, np.int64).T))[1]
    signs = [1 - 2 * (count_bits(mask) % 2) for _, mask in playing]
    line = [(i, sign * float(value)) for i, (sign, value) in enumerate(zip(signs, estimates, strict=True))]
    exact = [
        (i, float(signs[i] * solver.value(own, mask)))
        for i, (own, mask) in enumerate(playing)
        if count_bits(mask) >= FROM
    ]
    return frame.chart([frame.line(line, BLUE), *frame.dots(exact, ORANGE, 3)])


def game_page(boards: Sequence[tuple[int, int]], evaluate: Evaluate, texts: dict[str, str], lang: str) -> str:
    """The page of a game.

    Args:
        boards: the positions from the empty board on.
        evaluate: the network.
        texts: see ``connect_four_texts.py``.
        lang: ``"en"`` or ``"zh"``.
    """
    sections = [
        (texts["game"], board_svg(boards), texts["numbers"]),
        (texts["curve"], value_chart(boards, evaluate), texts["legend"]),
    ]
    return result_page(texts["title"], lang, sections)


# Play connect four against a network in the terminal.

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


OPTIONS: Texts = {
    "seeds": "number of trainings, with seeds 0, 1, ...; with --play the first one",
    "out": COMMON["out"],
    "long": "more games and a larger network",
    "play": "then play against the network in the terminal",
    "run": "folder of a saved network that is used instead of training",
    "rounds": "rounds of a training, a move in every game each; 0: chosen for the form",
}
TEXTS: Texts = {
    "progress": "seed {seed}, round {done}/{rounds}: {games:,} games, {rows:,} positions, loss {loss:.3f}",
    "problems": "{count} test positions of 16 to 29 stones with exact values, excluded from training",
    "limits": (
        "The test positions come from random moves and have at least 16 stones: the score does not\n"
        "measure openings. Connect four is solved: an exact solver makes no errors, the network does."
    ),
    "title": "Connect four: a network that learned from its own games",
    "game": "A game of the network (X) against flat Monte Carlo (O)",
    "numbers": "The numbers count the moves; blue: the network.",
    "curve": "Value for X after each move",
    "legend": "Line: estimate of the network. Dots: exact value from 16 stones on (1 win, 0 draw, -1 loss).",
    "start": "You are X and move first. Enter a column from 1 to 7; q ends the game.",
    "prompt": "column: ",
    "column": "expected a column from 1 to 7, received “{text}”; enter another one",
    "full": "column {column} is full; open: {open}",
    "values": "values for O by column: {values}",
    "plays": "network plays {column}",
    "X": "You win.",
    "O": "The network wins.",
    "draw": "Draw.",
    "end": "The game ends here.",
}
NAMES: Texts = {
    "random": "random",
    "center": "block and center",
    "flat": "flat Monte Carlo, 700 playouts",
    "classic": "alpha-beta search, 6 moves",
    "deep": "alpha-beta search, 10 moves",
    "search": "search of 100 visits without network",
    "alone": "network without search",
    "net": "network with search of 100 visits",
    "more": "network with search of 400 visits",
}
