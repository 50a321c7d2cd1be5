"""The page of the example robot: an animation, learning curves, a portrait of test episodes, and a table."""

from __future__ import annotations

import base64

import numpy as np

from chainrule.messages import Texts
from chainrule.page import BLUE, Frame, result_page
from chainrule_examples.robot.robots import Robot

OPTIONS: Texts = {
    "robot": "pendulum: swing it up; reacher: reach a target with an arm",
    "steps": "steps of each training; 0: 12,000, or 20,000 with --long; reacher: 12,000, or 60,000",
    "long": "longer training",
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "out": "folder for the model, the scores, a page and a GIF",
}
TEXTS: dict[str, Texts] = {  # of all robots, and of each
    "": {
        "short": "seed {seed}: {steps:,} steps, no episode ended",
        "trained": "seed {seed}: {steps:,} steps, mean return of the last 10 episodes {last:.1f}",
        "limits": (
            "Simulated: no delay or noise of sensors; a real motor has both.\n"
            "The reward is known in advance; its design is a large part of the work on a real robot."
        ),
        "episode": "The test episode with the lowest return of ten",
        "learning": "Return of the training episodes",
        "legend": "horizontal: episode; running mean, one line for each seed",
    },
    "pendulum": {
        "change": "Return with another mass",
        "header": "mass,network,controller by hand",
        "unit": "kg",
        "title": "Pendulum: a control learned from rewards",
        "signs": "bar: the pendulum; arc: the torque",
        "portrait": "Velocity by angle of ten test episodes",
        "axes": "horizontal: angle in rad, 0 is upright; vertical: velocity in rad/s",
    },
    "reacher": {
        "change": "Return with stronger or weaker motors",
        "header": "strength,network,controller by hand",
        "unit": "x 200 Nm",
        "title": "Reacher: a control learned from rewards",
        "signs": "lines: the arm; size of a joint: its torque; orange: the target",
        "portrait": "Path of the fingertip in ten test episodes",
        "axes": "horizontal and vertical: position in m; dots: targets",
    },
}
NAMES: Texts = {
    "zero": "no torque",
    "random": "random torques",
    "hand": "controller by hand",
    "net": "network (TD3)",
}


def running_mean(values: list[float]) -> np.ndarray:
    """The means of neighbors, a twentieth of all values each.

    Example:
        >>> running_mean([1.0, 2.0, 3.0]).tolist(), len(running_mean([0.0] * 200))
        ([1.0, 2.0, 3.0], 191)
    """
    window = max(1, len(values) // 20)
    return np.convolve(values, np.full(window, 1 / window), "valid") if values else np.empty(0)


def learning_curves(robot: Robot, returns: list[list[float]], texts: dict[str, str]) -> tuple[str, str, str]:
    """Title, chart and legend of the returns of the training episodes, a line for each seed.

    Args:
        robot: the environment.
        returns: of the training episodes, a list for each seed.
        texts: see ``robot_texts.py``.
    """
    frame = Frame((0, max(1, *map(len, returns))), (robot.lowest, 0), has_integer_x=True)
    lines = [list(enumerate(running_mean(line).tolist())) for line in returns]
    return texts["learning"], frame.chart([frame.line(line, BLUE) for line in lines]), texts["legend"]


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
    source = f"data:image/gif;base64,{base64.b64encode(animation).decode()}"
    sections = [
        (texts["episode"], f'<img src="{source}" alt="" width="240" height="240">', texts["signs"]),
        learning_curves(robot, returns, texts),
        (texts["portrait"], robot.portrait(states), texts["axes"]),
        (texts["change"], table, ""),
    ]
    return result_page(texts["title"], lang, sections)
