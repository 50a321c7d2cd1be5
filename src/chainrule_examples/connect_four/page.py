"""A page with a game of connect four: the board with numbered moves, and the value after each move."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from chainrule.page import BLUE, ORANGE, PALE, Frame, result_page
from chainrule_examples.connect_four.rules import CELLS, COLUMNS, ROWS, count_bits, is_over, planes_of
from chainrule_examples.connect_four.solver import Solver
from chainrule_examples.connect_four.tree_search import Evaluate

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
