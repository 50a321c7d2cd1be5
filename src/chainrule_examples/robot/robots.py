"""Robots of gymnasium: environments, episodes, controllers by hand, and animations."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.optional_dependency import missing
from chainrule.page import BLUE, ORANGE, Frame
from chainrule_examples.robot.twin_critics import Settings

# Robots of gymnasium: environments side by side, episodes, and their frames as a GIF.
#
# Reference: Towers et al. (2024), Gymnasium: a standard interface for reinforcement learning environments,
# arXiv 2407.17032.

SIZE = 200  # of a frame of an animation, in pixels
COLORS = (255, 255, 255, 37, 99, 168, 209, 102, 15, 73, 80, 87)  # red, green, blue of each color number
Policy = Callable[[np.ndarray], np.ndarray]  # states (N, S) -> actions (N, A) between -1 and 1


@dataclass(frozen=True)
class Robot:
    """An environment, a controller by hand for it, and images of its episodes.

    Args:
        environment: its name in gymnasium.
        scale: (S,) factors that bring the numbers of a state to about 1; policies take scaled states.
        force: the largest action of the environment; policies choose between -1 and 1.
        steps: of an episode.
        actions: numbers of an action, A.
        parallel: environments of a training that move side by side.
        training: steps of a short and of a long training.
        lowest: the least return that the learning curves show.
        settings: of the training.
        controller: the controller by hand.
        change: changes a property of the machine by a factor: its mass, or the strength of its motors.
        portrait: a chart of states (steps, N, S).
        animation: an episode as a GIF, from states (steps, S) and actions (steps, A).
    """

    environment: str
    scale: tuple[float, ...]
    force: float
    steps: int
    actions: int
    parallel: int
    training: tuple[int, int]
    lowest: float
    settings: Settings
    controller: Policy
    change: Callable[[Any, float], None]
    portrait: Callable[[np.ndarray], str]
    animation: Callable[[np.ndarray, np.ndarray], bytes]


class Environments:
    """Some environments that move side by side.

    Args:
        robot: which one.
        count: number of them, N.
        factor: of the property that ``robot.change`` changes.

    Raises:
        DataError E350: gymnasium, or the simulator of the robot, is not installed.
    """

    def __init__(self, robot: Robot, count: int, factor: float = 1.0) -> None:
        try:
            import gymnasium  # noqa: PLC0415, only this example needs it
        except ImportError as error:
            raise missing("robots", robot.environment) from error

        make: Any = partial(gymnasium.make_vec, robot.environment, num_envs=count)
        try:
            self._vector = make(vectorization_mode="sync")
        except (ImportError, gymnasium.error.DependencyNotInstalled) as error:  # of the simulator
            raise missing("robots", robot.environment) from error

        for single in self._vector.envs:
            robot.change(single.unwrapped, factor)
        self._robot, self._scale = robot, np.array(robot.scale, np.float32)

    def reset(self, seed: int) -> np.ndarray:
        """Start an episode in each environment; returns the scaled states, (N, S)."""
        return self._scaled(self._vector.reset(seed=seed)[0])

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Act once.

        Args:
            actions: (N, A) between -1 and 1.

        Returns:
            the scaled states (N, S), the rewards (N,), and whether the episode ends here (N,); the next step
            then starts a new one and ignores its action.
        """
        states, rewards, _, ends, _ = self._vector.step((self._robot.force * actions).astype(np.float32))
        return self._scaled(states), rewards, ends

    def _scaled(self, states: np.ndarray) -> np.ndarray:
        return (states * self._scale).astype(np.float32)


def run(
    robot: Robot, policy: Policy, starts: int, seed: int, factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """One episode from each start.

    Args:
        robot: the environment.
        policy: chooses the actions.
        starts: number of starts, N; they depend on the seed alone.
        seed: of the starts.
        factor: of the property that ``robot.change`` changes.

    Returns:
        the sum of the rewards, (N,), and the scaled states, (steps, N, S).
    """
    environments = Environments(robot, starts, factor)
    state, total, states = environments.reset(seed), np.zeros(starts), []
    for _ in range(robot.steps):
        states.append(state)
        state, rewards, _ = environments.step(policy(state))
        total += rewards
    return total, np.stack(states)


def gif(draw: Sequence[Callable[[Any], None]], milliseconds: int) -> bytes:
    """An animation.

    Args:
        draw: draws each frame, of ``SIZE`` x ``SIZE`` pixels, on a canvas of Pillow; color number 0 is the
            background.
        milliseconds: of a frame.

    Raises:
        DataError E350: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw  # noqa: PLC0415
    except ImportError as error:
        raise missing("images", "an animation") from error

    frames = []
    for paint in draw:
        frame = Image.new("P", (SIZE, SIZE), 0)
        frame.putpalette(list(COLORS))
        paint(ImageDraw.Draw(frame))
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return file.getvalue()


# The pendulum of gymnasium: its controller by hand, its phases, and an episode as a GIF.
#
# The state is cos, sin and velocity of the angle, 0 when upright; the action is a torque of -2 ... 2 Nm, too
# weak to lift the pendulum at once, so it has to swing up. The reward of a step is
# -(angle^2 + 0.1 velocity^2 + 0.001 torque^2), an episode has 200 steps of 0.05 s.
#
# Reference: Åström and Furuta (2000), Swinging up a pendulum by energy control, Automatica 36.

TORQUE, _MASS, _LENGTH, _GRAVITY = 2.0, 1.0, 1.0, 10.0


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


def phase_portrait(states: np.ndarray) -> str:
    """Velocity by angle, for states (steps, N, 3)."""
    angles, velocities = np.arctan2(states[..., 1], states[..., 0]), states[..., 2]
    plane = Frame((-3.2, 3.2), (-8, 8))
    points = list(zip(angles.ravel().tolist(), velocities.ravel().tolist(), strict=True))
    return plane.chart(plane.dots(points, ORANGE, 3))


def pendulum_animation(states: np.ndarray, torques: np.ndarray) -> bytes:
    """An episode as a GIF: the pendulum, and an arc whose length is the torque.

    Args:
        states: (steps, 3).
        torques: (steps, 1) between -1 and 1.
    """
    steps = zip(states.tolist(), torques[:, 0].tolist(), strict=True)
    return gif([partial(_paint_pendulum, state, torque) for state, torque in steps], 50)


def _paint_pendulum(state: list[float], torque: float, canvas: Any) -> None:
    """Draw a frame."""
    (cosine, sine, _), middle, sweep = state, SIZE / 2, -120 * torque
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
    portrait=phase_portrait,
    animation=pendulum_animation,
)


UPPER, LOWER = 0.1, 0.11  # the lengths of the links in m
GEAR = 200.0  # torque in Nm of a motor at action 1
STIFFNESS, DAMPING = 0.3, 0.054  # of the controller: torque for an error of 1 rad, for a velocity of 1 rad/s
SCALE = (1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 0.1, 0.1, 20.0, 20.0)


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


def paths_portrait(states: np.ndarray) -> str:
    """The way of the fingertip in each episode, for states (steps, N, 10); a dot for each target."""
    states, plane = states / np.array(SCALE), Frame((-0.28, 0.28), (-0.22, 0.22))
    tips = states[..., 4:6] + states[..., 8:10]  # (steps, N, 2)
    ways = [plane.line([tuple(point) for point in tips[:, i].tolist()], BLUE) for i in range(tips.shape[1])]
    targets = [tuple(point) for point in states[0, :, 4:6].tolist()]
    return plane.chart([*ways, *plane.dots(targets, ORANGE, 5)])


def arm_animation(states: np.ndarray, torques: np.ndarray) -> bytes:
    """An episode as a GIF: the arm, the target, and the torques as the colors of the joints.

    Args:
        states: (steps, 10).
        torques: (steps, 2) between -1 and 1.
    """
    steps = zip(states / np.array(SCALE), torques, strict=True)
    return gif([partial(_paint_arm, *step) for step in steps], 60)


def _paint_arm(state: np.ndarray, torque: np.ndarray, canvas: Any) -> None:
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
    portrait=paths_portrait,
    animation=arm_animation,
)
ROBOTS = {"pendulum": PENDULUM, "reacher": REACHER}
