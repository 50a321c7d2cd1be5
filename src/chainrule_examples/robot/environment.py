"""Robots of gymnasium: environments side by side, episodes, and their frames as a GIF.

Reference: Towers et al. (2024), Gymnasium: a standard interface for reinforcement learning environments,
arXiv 2407.17032.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.data.readers.optional_dependency import missing
from chainrule_examples.robot.twin_critics import Settings

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


def gif(size: int, draw: Sequence[Callable[[Any], None]], colors: Sequence[int], milliseconds: int) -> bytes:
    """An animation.

    Args:
        size: of the square frames.
        draw: draws each frame, on a canvas of Pillow.
        colors: red, green, blue of each color number; number 0 is the background.
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
        frame = Image.new("P", (size, size), 0)
        frame.putpalette(list(colors))
        paint(ImageDraw.Draw(frame))
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return file.getvalue()
