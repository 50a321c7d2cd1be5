"""The page of the example robot: an animation, learning curves, a portrait of test episodes, and a table."""

from __future__ import annotations

import base64

import numpy as np

from chainrule.page import BLUE, Frame, result_page
from chainrule_examples.robot.environment import Robot


def running_mean(values: list[float]) -> np.ndarray:
    """The means of neighbors, a twentieth of all values each.

    Example:
        >>> running_mean([1.0, 2.0, 3.0]).tolist(), len(running_mean([0.0] * 200))
        ([1.0, 2.0, 3.0], 191)
    """
    window = max(1, len(values) // 20)
    return np.convolve(values, np.full(window, 1 / window), "valid") if values else np.empty(0)


def robot_page(
    robot: Robot,
    states: np.ndarray,
    returns: list[list[float]],
    texts: dict[str, str],
    lang: str,
    table: str,
    animation: bytes,
) -> str:
    """The page as HTML.

    Args:
        robot: the environment.
        states: of the test episodes, (steps, N, S).
        returns: of the training episodes, a list for each seed.
        texts: see ``robot_texts.py``.
        lang: ``"en"`` or ``"zh"``.
        table: the markup of the table.
        animation: of a test episode, as a GIF.
    """
    frame = Frame((0, max(1, *map(len, returns))), (robot.lowest, 0), has_integer_x=True)
    lines = [list(enumerate(running_mean(line).tolist())) for line in returns]
    curves = frame.chart([frame.line(line, BLUE) for line in lines])
    source = f"data:image/gif;base64,{base64.b64encode(animation).decode()}"
    sections = [
        (texts["episode"], f'<img src="{source}" alt="" width="240" height="240">', texts["signs"]),
        (texts["learning"], curves, texts["legend"]),
        (texts["portrait"], robot.portrait(states), texts["axes"]),
        (texts["change"], table, ""),
    ]
    return result_page(texts["title"], lang, sections)
