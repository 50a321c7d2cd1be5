"""The pendulum of gymnasium: episodes, a controller by hand, and an animation of an episode.

The state is cos, sin and velocity of the angle, 0 when upright; the action is a torque of -2 ... 2 Nm, too
weak to lift the pendulum at once, so it has to swing up. The reward of a step is
-(angle^2 + 0.1 velocity^2 + 0.001 torque^2), an episode has 200 steps of 0.05 s.

Reference: Towers et al. (2024), Gymnasium: a standard interface for reinforcement learning environments,
arXiv 2407.17032; Åström and Furuta (2000), Swinging up a pendulum by energy control, Automatica 36.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.data.readers.optional_dependency import missing

TORQUE, STEPS = 2.0, 200  # of gymnasium's Pendulum-v1
Policy = Callable[[np.ndarray], np.ndarray]  # states (N, 3) -> actions (N, 1) between -1 and 1
_MASS, _LENGTH, _GRAVITY = 1.0, 1.0, 10.0


def environments(count: int, mass: float = _MASS) -> Any:
    """Some pendulums that move side by side.

    Args:
        count: number of them.
        mass: in kg.

    Raises:
        DataError E350: gymnasium is not installed.
    """
    try:
        import gymnasium  # noqa: PLC0415, only this example needs it
    except ImportError as error:
        raise missing("robots", "Pendulum-v1") from error

    vector: Any = gymnasium.make_vec("Pendulum-v1", num_envs=count, vectorization_mode="sync")
    vector.set_attr("m", [mass] * count)
    return vector


def run(policy: Policy, starts: int, seed: int, mass: float = _MASS) -> tuple[np.ndarray, np.ndarray]:
    """One episode from each start.

    Args:
        policy: chooses the actions.
        starts: number of starts, N; they depend on the seed alone.
        seed: of the starts.
        mass: of the pendulum.

    Returns:
        the sum of the rewards, (N,), and the states, (steps, N, 3).
    """
    vector = environments(starts, mass)
    state, _ = vector.reset(seed=seed)
    total, states = np.zeros(starts), []
    for _ in range(STEPS):
        states.append(state)
        state, reward, *_ = vector.step(TORQUE * policy(state).astype(np.float32))
        total += reward
    vector.close()
    return total, np.stack(states)


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


def animation(states: np.ndarray, torques: np.ndarray) -> bytes:
    """An episode as a GIF: the pendulum, and an arc whose length is the torque.

    Args:
        states: (steps, 3).
        torques: (steps,) between -1 and 1.
    """
    try:
        from PIL import Image, ImageDraw  # noqa: PLC0415
    except ImportError as error:
        raise missing("images", "pendulum.gif") from error

    size, frames = 200, []
    for (cosine, sine, _), torque in zip(states, torques, strict=True):
        frame = Image.new("P", (size, size), 0)
        frame.putpalette([255, 255, 255, 37, 99, 168, 209, 102, 15, 73, 80, 87])
        draw, middle = ImageDraw.Draw(frame), size / 2
        end = middle - 70 * sine, middle - 70 * cosine
        draw.line([(middle, middle), end], fill=1, width=9)
        draw.ellipse([middle - 5, middle - 5, middle + 5, middle + 5], fill=3)
        sweep = -120 * float(torque)
        if abs(sweep) > 1:
            draw.arc(
                [middle - 25, middle - 25, middle + 25, middle + 25],
                *sorted((-90, -90 + sweep)),
                fill=2,
                width=4,
            )
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    return file.getvalue()
