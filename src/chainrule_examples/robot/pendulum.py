"""The pendulum of gymnasium: a controller by hand, a phase portrait, and an animation of an episode.

The state is cos, sin and velocity of the angle, 0 when upright; the action is a torque of -2 ... 2 Nm, too
weak to lift the pendulum at once, so it has to swing up. The reward of a step is
-(angle^2 + 0.1 velocity^2 + 0.001 torque^2), an episode has 200 steps of 0.05 s.

Reference: Åström and Furuta (2000), Swinging up a pendulum by energy control, Automatica 36.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from chainrule.page import ORANGE, Frame
from chainrule_examples.robot.environment import Robot, gif
from chainrule_examples.robot.twin_critics import Settings

TORQUE, _MASS, _LENGTH, _GRAVITY = 2.0, 1.0, 1.0, 10.0
_SIZE, _COLORS = 200, (255, 255, 255, 37, 99, 168, 209, 102, 15, 73, 80, 87)


def swing_up(states: np.ndarray) -> np.ndarray:
    """A controller by hand: pump energy until the pendulum is nearly upright, then hold it there.

    The torque has the sign of the velocity while the energy is below that of the upright pendulum; near the
    top it holds angle and velocity at 0. It uses the equations of the pendulum, which the network never sees.
    """
    cosine, sine, velocity = states.T
    angle = np.arctan2(sine, cosine)
    inertia = _MASS * _LENGTH**2 / 3
    energy = 0.5 * inertia * velocity**2 + 0.5 * _MASS * _GRAVITY * _LENGTH * (cosine - 1)  # 0 when upright
    pump = np.clip(-2.0 * energy, -1, 1) * np.sign(np.where(velocity == 0, 1.0, velocity))
    hold = np.clip(-(8.0 * angle + 2.0 * velocity) / TORQUE, -1, 1)
    return np.where(np.abs(angle) + 0.1 * np.abs(velocity) < 0.6, hold, pump)[:, None]


def portrait(states: np.ndarray) -> str:
    """Velocity by angle, for states (steps, N, 3)."""
    angles, velocities = np.arctan2(states[..., 1], states[..., 0]), states[..., 2]
    plane = Frame((-3.2, 3.2), (-8, 8))
    points = list(zip(angles.ravel().tolist(), velocities.ravel().tolist(), strict=True))
    return plane.chart(plane.dots(points, ORANGE, 3))


def animation(states: np.ndarray, torques: np.ndarray) -> bytes:
    """An episode as a GIF: the pendulum, and an arc whose length is the torque.

    Args:
        states: (steps, 3).
        torques: (steps, 1) between -1 and 1.
    """
    steps = zip(states.tolist(), torques[:, 0].tolist(), strict=True)
    return gif(_SIZE, [partial(_paint, state, torque) for state, torque in steps], _COLORS, 50)


def _paint(state: list[float], torque: float, canvas: Any) -> None:
    """Draw a frame."""
    (cosine, sine, _), middle, sweep = state, _SIZE / 2, -120 * torque
    canvas.line([(middle, middle), (middle - 70 * sine, middle - 70 * cosine)], fill=1, width=9)
    canvas.ellipse([middle - 5, middle - 5, middle + 5, middle + 5], fill=3)
    if abs(sweep) > 1:
        box = [middle - 25, middle - 25, middle + 25, middle + 25]
        canvas.arc(box, *sorted((-90, -90 + sweep)), fill=2, width=4)


def _change_mass(environment: Any, factor: float) -> None:
    environment.m = _MASS * factor


PENDULUM = Robot(
    "Pendulum-v1",
    scale=(1.0, 1.0, 1.0),
    force=TORQUE,
    steps=200,
    actions=1,
    parallel=1,
    training=(12_000, 20_000),
    lowest=-2000,
    settings=Settings(),
    controller=swing_up,
    change=_change_mass,
    portrait=portrait,
    animation=animation,
)
