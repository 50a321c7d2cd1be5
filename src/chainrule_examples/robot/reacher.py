"""The reacher of gymnasium: an arm of two links whose fingertip has to reach a target and to stay there.

The state has cos and sin of the two angles, the target, the angular velocities, and the vector from the
target to the fingertip; the action is a torque for each joint. The reward of a step is minus the distance to
the target minus the squares of the torques, an episode has 50 steps of 0.02 s. MuJoCo simulates it.

Reference: Todorov, Erez and Tassa (2012), MuJoCo: a physics engine for model-based control, IROS; Craig
(2005), Introduction to robotics, chapters 4 (inverse kinematics) and 9 (linear control).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.page import BLUE, ORANGE, Frame
from chainrule_examples.robot.environment import Robot, gif
from chainrule_examples.robot.twin_critics import Settings

UPPER, LOWER = 0.1, 0.11  # the lengths of the links in m
GEAR = 200.0  # torque in Nm of a motor at action 1
STIFFNESS, DAMPING = 0.3, 0.054  # of the controller: torque for an error of 1 rad, for a velocity of 1 rad/s
SCALE = (1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 0.1, 0.1, 20.0, 20.0)
_SIZE, _COLORS = 200, (255, 255, 255, 37, 99, 168, 209, 102, 15, 73, 80, 87)


def angles_of(target: np.ndarray, bend: int) -> np.ndarray:
    """Inverse kinematics: the angles (N, 2) at which the fingertip is at a target (N, 2).

    Args:
        target: positions; one out of reach is approached as far as possible.
        bend: 1 or -1, the sign of the angle of the elbow.
    """
    square = np.square(target).sum(axis=1)
    cosine = (square - UPPER**2 - LOWER**2) / (2 * UPPER * LOWER)
    elbow = bend * np.arccos(np.clip(cosine, -1, 1))
    toward = np.arctan2(target[:, 1], target[:, 0])
    return np.stack(
        [toward - np.arctan2(LOWER * np.sin(elbow), UPPER + LOWER * np.cos(elbow)), elbow], axis=1
    )


def fingertip(angles: np.ndarray) -> np.ndarray:
    """Forward kinematics: the fingertip (N, 2) for angles (N, 2)."""
    sums = angles.sum(axis=1)
    x = UPPER * np.cos(angles[:, 0]) + LOWER * np.cos(sums)
    return np.stack([x, UPPER * np.sin(angles[:, 0]) + LOWER * np.sin(sums)], axis=1)


def reach(states: np.ndarray) -> np.ndarray:
    """A controller by hand: inverse kinematics, then a proportional-derivative controller for each joint.

    Of the two poses that reach the target it takes the nearer one. It uses the lengths of the links, which
    the network never sees.
    """
    states = states / np.array(SCALE)
    angles = np.arctan2(states[:, 2:4], states[:, :2])
    errors = []
    for bend in (1, -1):
        first, elbow = (angles_of(states[:, 4:6], bend) - angles).T
        errors.append(np.stack([(first + np.pi) % (2 * np.pi) - np.pi, elbow], axis=1))
    is_nearer = np.abs(errors[0]).sum(axis=1) < np.abs(errors[1]).sum(axis=1)
    error = np.where(is_nearer[:, None], errors[0], errors[1])
    return np.clip(STIFFNESS * error - DAMPING * states[:, 6:8], -1, 1)


def portrait(states: np.ndarray) -> str:
    """The way of the fingertip in each episode, for states (steps, N, 10); a dot for each target."""
    states, plane = states / np.array(SCALE), Frame((-0.28, 0.28), (-0.22, 0.22))
    tips = states[..., 4:6] + states[..., 8:10]  # (steps, N, 2)
    ways = [plane.line([tuple(point) for point in tips[:, i].tolist()], BLUE) for i in range(tips.shape[1])]
    targets = [tuple(point) for point in states[0, :, 4:6].tolist()]
    return plane.chart([*ways, *plane.dots(targets, ORANGE, 5)])


def animation(states: np.ndarray, torques: np.ndarray) -> bytes:
    """An episode as a GIF: the arm, the target, and the torques as the colors of the joints.

    Args:
        states: (steps, 10).
        torques: (steps, 2) between -1 and 1.
    """
    steps = zip(states / np.array(SCALE), torques, strict=True)
    return gif(_SIZE, [partial(_paint, *step) for step in steps], _COLORS, 60)


def _paint(state: np.ndarray, torque: np.ndarray, canvas: Any) -> None:
    """Draw a frame."""
    first = np.arctan2(state[2], state[0])
    elbow = UPPER * np.array([np.cos(first), np.sin(first)])
    points = [np.zeros(2), elbow, state[4:6] + state[8:10], state[4:6]]
    base, joint, tip, target = [(100 + 400 * float(x), 100 - 400 * float(y)) for x, y in points]
    canvas.line([base, joint, tip], fill=1, width=7)
    for (x, y), size in zip((base, joint), np.abs(torque).tolist(), strict=True):
        radius = 4 + 8 * size  # a larger joint: a larger torque
        canvas.ellipse([x - radius, y - radius, x + radius, y + radius], fill=3)
    canvas.ellipse([target[0] - 5, target[1] - 5, target[0] + 5, target[1] + 5], fill=2)


def _change_motors(environment: Any, factor: float) -> None:
    environment.model.actuator_gear[:, 0] = GEAR * factor


REACHER = Robot(
    "Reacher-v5",
    scale=SCALE,
    force=1.0,
    steps=50,
    actions=2,
    parallel=4,
    training=(12_000, 60_000),
    lowest=-60,
    settings=Settings(
        width=128,
        learning_rate=cr.ExponentialDecay(0.003, decay_rate=0.4, decay_steps=20_000),
        discount=0.95,
        tau=0.01,
        smoothing=0.02,
        batch=256,
    ),
    controller=reach,
    change=_change_motors,
    portrait=portrait,
    animation=animation,
)
