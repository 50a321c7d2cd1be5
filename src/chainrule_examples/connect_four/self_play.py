"""Self-play: a network plays connect four against itself, and learns from its search and the results.

In each round a search moves once in every game. A position becomes a row: the network learns to predict how
often the search tried each move, and a value halfway between the result of the game and the search's value. A
game starts after some random moves, never at an excluded position; its first moves are sampled, and it ends
when the search has proven its result.

Reference: Silver et al. (2018), A general reinforcement learning algorithm that masters chess, shogi, and Go
through self-play, Science 362; Willemsen, Baier and Kaisers (2022), Value targets in off-policy AlphaZero,
Neural Computing and Applications 34, for the mean of result and search.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr
from chainrule.errors import UsageError, fact
from chainrule.page import screen
from chainrule_examples.connect_four.alpha_beta_and_players import Problems, random_position, random_state
from chainrule_examples.connect_four.rules import COLUMNS, PLANES, ROWS, mirrored, planes_of, play
from chainrule_examples.connect_four.tree_search import Evaluate, Forest, move_probabilities
from chainrule_examples.replay_buffer import ReplayBuffer
from chainrule_examples.score_table import MODEL

# The network: for a position the probabilities of the moves, and a value.


def policy_value_network(channels: int, blocks: int) -> cr.Layer:
    """Residual network: planes (B, 6, 7, 4) -> policy, scores (B, 7), and value (B, 1) of -1 ... 1.

    Args:
        channels: of each 3 x 3 convolution.
        blocks: number of residual blocks of two convolutions.
    """

    def pair() -> cr.Layer:
        return cr.Sequential(
            cr.Conv(channels, 3, padding="same", activation="relu"), cr.Conv(channels, 3, padding="same")
        )

    first = cr.Conv(channels, 3, padding="same", activation="relu")
    body = [cr.Residual(pair(), activation="relu") for _ in range(blocks)]
    policy = cr.Sequential(cr.Conv(16, 1, activation="relu"), cr.Flatten(), cr.Dense(COLUMNS))
    value = cr.Sequential(
        cr.Conv(8, 1, activation="relu"), cr.Flatten(), cr.Dense(32, "relu"), cr.Dense(1, "tanh")
    )
    return cr.Sequential(first, *body, cr.Parallel("none", policy=policy, value=value))


def evaluator(network: Callable[[np.ndarray], Any]) -> Evaluate:
    """What a search takes: scores of the moves and values of positions.

    Args:
        network: a trainer or a model of ``policy_value_network``.
    """

    def evaluate(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = network(planes)
        return outputs["policy"], outputs["value"][:, 0]

    return evaluate


FULL = -10_000.0  # added to the score of a full column


def legal_moves(net: cr.Layer) -> cr.Layer:
    """A network that never prefers a full column, whose top cell has a stone of one of the players.

    Args:
        net: of ``policy_value_network``; its parameters keep their names below ``net``.
    """
    stones = (
        cr.Crop(((0, ROWS - 1), 0)),
        cr.Reshape((COLUMNS, PLANES)),
        cr.Permute((2, 1)),
        cr.Crop(((0, 2),)),
    )
    full = cr.Sequential(*stones, cr.GlobalMaxPool(), cr.Rescaling(FULL))  # (B, 6, 7, 4) -> (B, 7)
    steps = (
        ("net", net, ("x",)),
        ("full", full, ("x",)),
        ("policy", cr.Merge("add"), ("net.policy", "full")),
        ("value", cr.Identity(), ("net.value",)),
    )
    return cr.LayerGraph(steps, outputs=("policy", "value"))


def saved_model(net: cr.Layer, parameters: cr.Parameters) -> cr.Model:
    """A model that predicts the column to play, 1 to 7, which is not full, and the value of a position.

    Args:
        net: of ``policy_value_network``.
        parameters: the trained parameters; they are copied.
    """
    model = cr.Model(legal_moves(net), {"policy": "cross_entropy", "value": "mse"})
    planes = np.zeros((COLUMNS, ROWS, COLUMNS, PLANES), np.float32)
    example = {"policy": np.arange(COLUMNS) + 1, "value": np.zeros((COLUMNS, 1), np.float32)}
    own = cr.Parameters(model.initialize(planes))
    for name, array in parameters.items():
        own[f"net.{name}"][...] = array
    model.trainer(planes, example, parameters=own).commit()
    model.adopt(replace(model.state, facts={}))  # of no training: this trainer makes no step
    return model


def load_network(run: str) -> cr.Model:
    """The model of a RUN that this example wrote.

    Raises:
        FileError: no such folder or model. UsageError E102: the model is another one.
    """
    model = cr.load(Path(run, MODEL) if Path(run).is_dir() else run)
    inputs = {} if model.state.network is None else model.state.network.inputs
    shapes = [spec.shape[1:] for spec in inputs.values()]
    if shapes != [(ROWS, COLUMNS, PLANES)] or set(model.state.targets) != {"policy", "value"}:
        where = "chainrule example connect-four"
        expected = fact("a network that this example saved")
        fix = "chainrule example connect-four --out runs/connect-four"
        raise UsageError("E102", where=where, name="--run", expected=expected, received=run, fix=fix)
    return model


class Row(NamedTuple):
    """A position of a game: planes (6, 7, 4), probabilities of the moves (7,), value (1,)."""

    planes: np.ndarray
    policy: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Settings:
    """The settings of self-play.

    Args:
        games: games that are played side by side.
        visits: walks of a search.
        random_moves: a game starts after 0 ... this many random moves.
        sampled_moves: moves of a game that are sampled; afterwards the most visited one is played.
    """

    games: int = 64
    visits: int = 40
    random_moves: int = 24
    sampled_moves: int = 10


class SelfPlay:
    """Games of a network against itself.

    Args:
        settings: of the games.
        excluded: positions (own, mask) at which no game starts, and that never become rows.
        seed: of starts, noise and sampled moves.
    """

    def __init__(self, settings: Settings, excluded: Collection[tuple[int, int]], seed: int) -> None:
        self._settings, self._rng = settings, np.random.Generator(np.random.Philox(seed))
        self._state = random_state(seed)
        self._forest = Forest(settings.games, settings.visits)
        self._excluded = {(side(own), side(mask)) for own, mask in excluded for side in (int, mirrored)}
        self._boards = [self._start() for _ in range(settings.games)]
        self._moves: list[list[tuple[tuple[int, int], np.ndarray, float]]] = [[] for _ in self._boards]
        self.finished, self.rows = 0, 0

    def _start(self) -> tuple[int, int]:
        """A position after random moves, in which the game is not over."""
        while True:
            stones = int(self._rng.integers(self._settings.random_moves + 1))
            own, mask = random_position(stones, self._state)
            if (own, mask) not in self._excluded:
                return int(own), int(mask)

    def round(self, evaluate: Evaluate) -> Iterator[Row]:
        """Move once in every game; returns the rows of the games that end."""
        own, mask = np.array(self._boards, np.int64).T
        noise = self._rng.dirichlet(np.ones(COLUMNS), len(own))
        self._forest.search(own, mask, evaluate, noise)
        chances, proven = move_probabilities(*self._forest.result()), self._forest.proven()
        for g, value in enumerate(self._forest.root_values().tolist()):
            is_lost = bool(proven[g]) and value == -1  # then no move is better than another
            self._moves[g].append((self._boards[g], chances[g] * (not is_lost), value))
            if proven[g]:
                yield from self._end(g, value)
            else:
                self._boards[g] = play(*self._boards[g], self._column(g, chances[g]))

    def _column(self, g: int, chances: np.ndarray) -> int:
        """The move of a game."""
        is_sampled = len(self._moves[g]) <= self._settings.sampled_moves
        return int(self._rng.choice(COLUMNS, p=chances) if is_sampled else chances.argmax())

    def _end(self, g: int, result: float) -> Iterator[Row]:
        """The rows of a game whose result for the player to move is proven; a new game takes its place."""
        for board, chances, value in reversed(self._moves[g]):
            if board not in self._excluded:
                planes = planes_of(np.array(board[:1]), np.array(board[1:]))[0]
                yield Row(planes, chances, np.array([0.5 * result + 0.5 * value]))
            result = -result
        self.finished, self.rows = self.finished + 1, self.rows + len(self._moves[g])
        self._boards[g], self._moves[g] = self._start(), []


def mirror(rows: Row) -> Row:
    """Rows (N, ...) with left and right exchanged."""
    return Row(np.ascontiguousarray(rows.planes[:, :, ::-1]), rows.policy[:, ::-1].copy(), rows.value)


# The training: rounds of self-play, each followed by updates of the network.

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
    history = []
    for done in range(1, form.rounds + 1):
        for row in games.round(evaluator(trainer)):
            buffer.add(**row._asdict())
        for _ in range(form.updates if len(buffer) >= BATCH else 0):
            batch = Row(**buffer.sample(BATCH))
            batch = mirror(batch) if rng.random() < 0.5 else batch
            losses.append(trainer.step(batch.planes, {"policy": batch.policy, "value": batch.value}))
        if len(buffer) >= BATCH:
            history.append({"epoch": done, "loss": float(np.mean(losses[-form.updates :]))})
        if done % max(1, form.rounds // 5) == 0:
            counts = {"games": games.finished, "rows": games.rows, "loss": np.mean(losses[-100:])}
            screen.line(text.format(seed=seed, done=done, rounds=form.rounds, **counts))
    trained = saved_model(net, parameters)
    return cr.Model.of(replace(trained.state, history=history))
