"""TD3: an actor and two critics that learn a continuous control from a replay buffer.

The critics estimate the value Q(s, a) of an action in a state. Their target uses the smaller estimate of two
copies that follow slowly, at an action with noise; the actor, trained half as often, increases the first
critic's estimate::

    a' = actor'(s') + clip(noise)           y = r + discount min(Q1'(s', a'), Q2'(s', a'))
    critics: minimize (Q(s, a) - y)^2       actor: minimize -Q1(s, actor(s))
    copies:  p' <- p' + tau (p - p')

Reference: Fujimoto, van Hoof and Meger (2018), Addressing function approximation error in actor-critic
methods, ICML, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr
from chainrule_examples.replay_buffer import ReplayBuffer


class NegativeValue(cr.Loss):
    """The negative output: a value to be increased. It takes no target."""

    name = "negative"
    needs_target = False

    def terms(self, output: Any, target: Any) -> Any:
        return -output


@dataclass(frozen=True)
class Settings:
    """The settings of TD3; actions are scaled to -1 ... 1.

    Args:
        width: units of the two hidden layers.
        learning_rate: of Adam, for actor and critics; a number or a schedule.
        discount: of future rewards.
        tau: how fast the copies follow.
        noise: standard deviation of the exploration.
        smoothing: standard deviation of the noise at the target action, clipped at 2.5 of them.
        batch: rows of an update.
        start: random actions before the first update.
    """

    width: int = 64
    learning_rate: float | cr.Schedule = 1e-3
    discount: float = 0.98
    tau: float = 0.005
    noise: float = 0.1
    smoothing: float = 0.2
    batch: int = 128
    start: int = 1000


class Agent:
    """An actor with two critics and their copies.

    Args:
        states, actions: numbers of a state and of an action.
        settings: of TD3.
        seed: of the initial weights, the exploration and the batches.
    """

    def __init__(self, states: int, actions: int, settings: Settings, seed: int) -> None:
        self.settings, self._rng = settings, np.random.Generator(np.random.Philox(seed))
        width, adam = settings.width, cr.Adam(settings.learning_rate)
        self.net = cr.Sequential(cr.Dense(width, "relu"), cr.Dense(width, "relu"), cr.Dense(actions, "tanh"))
        critic = cr.Sequential(cr.Dense(width, "relu"), cr.Dense(width, "relu"), cr.Dense(1))
        pair = cr.Parallel("concatenate", state=cr.Identity(), action=self.net)
        state = np.zeros((settings.batch, states), np.float32)
        both = np.zeros((settings.batch, states + actions), np.float32)
        value = np.zeros((settings.batch, 1), np.float32)
        valued = cr.Model(cr.Sequential(pair=pair, critic=critic), NegativeValue(), adam, frozen=["critic"])
        valued = valued.initialize(state, seed=seed)
        second = cr.Model(critic, "mse", adam).initialize(both, seed=seed + 1_000_003)
        self._parameters = [cr.Parameters(valued), cr.Parameters(second)]
        self._copies = [cr.Parameters(valued), cr.Parameters(second)]
        self._actor, self._copy = (
            valued.trainer(state, parameters=p[0]) for p in (self._parameters, self._copies)
        )
        model = cr.Model(critic, "mse", adam)
        self._critics, self._targets = (
            [model.trainer(both, value, parameters=part) for part in (p[0].part("critic"), p[1])]
            for p in (self._parameters, self._copies)
        )
        self.buffer = ReplayBuffer(1_000_000, seed)
        self._steps = 0

    def act(self, states: np.ndarray, explore: bool = False) -> np.ndarray:
        """Actions between -1 and 1, (N, actions), for states (N, states)."""
        action = self._actor.activations(states, "pair.action")
        if not explore:
            return action
        if len(self.buffer) < self.settings.start:
            return self._rng.uniform(-1, 1, action.shape)
        return np.clip(action + self.settings.noise * self._rng.normal(size=action.shape), -1, 1)

    def learn(self) -> None:
        """Update the critics with a batch of the buffer, and every other time the actor and the copies."""
        if len(self.buffer) < self.settings.start:
            return
        batch, settings = self.buffer.sample(self.settings.batch), self.settings
        noise = settings.smoothing * self._rng.normal(size=batch["action"].shape)
        limit = 2.5 * settings.smoothing
        after = self._copy.activations(batch["after"], "pair.action") + np.clip(noise, -limit, limit)
        following = np.concatenate([batch["after"], np.clip(after, -1, 1)], axis=1).astype(np.float32)
        estimate = np.minimum(*(np.asarray(target(following)) for target in self._targets))
        y = batch["reward"] + settings.discount * (1 - batch["end"]) * estimate
        now = np.concatenate([batch["state"], batch["action"]], axis=1)
        for critic in self._critics:
            critic.step(now, y)
        self._steps += 1
        if self._steps % 2 == 0:
            self._actor.step(batch["state"])
            for copies, parameters in zip(self._copies, self._parameters, strict=True):
                for path in copies:
                    copies[path][...] += settings.tau * (parameters[path] - copies[path])

    def model(self, states: np.ndarray) -> cr.Model:
        """The actor as a model: states (N, states) -> actions (N, actions)."""
        actor = cr.Model(self.net, "mse").initialize(states)
        return actor.load_parameters(dict(self._parameters[0].part("pair.action").items()))
