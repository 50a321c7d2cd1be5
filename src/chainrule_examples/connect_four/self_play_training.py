"""The training of the example connect-four: rounds of self-play, each followed by updates of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import chainrule as cr
from chainrule.data.batches.replay_buffer import ReplayBuffer
from chainrule.page import screen
from chainrule_examples.connect_four.policy_value import evaluator, policy_value_network, saved_model
from chainrule_examples.connect_four.problems import Problems
from chainrule_examples.connect_four.rules import COLUMNS, PLANES, ROWS
from chainrule_examples.connect_four.self_play import Row, SelfPlay, Settings, mirror

BATCH, CAPACITY, LEARNING_RATE = 128, 40_000, 0.003


@dataclass(frozen=True)
class Form:
    """The size of a training.

    Args:
        channels, blocks: of the network.
        rounds: moves of all games.
        updates: after each round.
        games: how they are played.
    """

    channels: int
    blocks: int
    rounds: int
    updates: int
    games: Settings


def train_network(form: Form, excluded: Problems, seed: int, text: str) -> cr.Model:
    """Train a network by self-play.

    Args:
        form: the size of the training.
        excluded: positions that are not trained on.
        seed: of the initial parameters, the games and the batches.
        text: the line of progress, with fields for its numbers.
    """
    net = policy_value_network(form.channels, form.blocks)
    adam = cr.AdamW(cr.OneCycle(LEARNING_RATE))
    model = cr.Model(net, {"policy": "soft_cross_entropy", "value": "mse"}, adam)
    planes = np.zeros((BATCH, ROWS, COLUMNS, PLANES), np.float32)
    targets = {"policy": np.zeros((BATCH, COLUMNS), np.float32), "value": np.zeros((BATCH, 1), np.float32)}
    parameters = cr.Parameters(model.initialize(planes, seed=seed))
    steps = form.rounds * form.updates
    trainer = model.trainer(planes, targets, steps=steps, seed=seed, parameters=parameters)
    games = SelfPlay(form.games, list(zip(*excluded[:2], strict=True)), seed)
    buffer, rng, losses = ReplayBuffer(CAPACITY, seed), np.random.Generator(np.random.Philox(seed)), [0.0]
    for done in range(1, form.rounds + 1):
        for row in games.round(evaluator(trainer)):
            buffer.add(**row._asdict())
        for _ in range(form.updates if len(buffer) >= BATCH else 0):
            batch = Row(**buffer.sample(BATCH))
            batch = mirror(batch) if rng.random() < 0.5 else batch
            losses.append(trainer.step(batch.planes, {"policy": batch.policy, "value": batch.value}))
        if done % max(1, form.rounds // 5) == 0:
            counts = {"games": games.finished, "rows": games.rows, "loss": np.mean(losses[-100:])}
            screen.line(text.format(seed=seed, done=done, rounds=form.rounds, **counts))
    return saved_model(net, parameters)
