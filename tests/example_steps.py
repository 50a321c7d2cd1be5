"""A training step of the table default and of the network of every example, on the reference and on XLA.

Each is a network of an example with its loss, on a few random rows in float64. The step is one of gradient
descent with learning rate 1, so the parameters after it show all gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import PAD, QuestionInput
from chainrule.data.boxes import encode_centers
from chainrule.data.molecules import BONDS, FEATURES
from chainrule.tabular.options import Options
from chainrule.tabular.training_plan import plan_of, prepare_data
from chainrule_examples import alexnet, article, digits, fashion_mnist, microgpt, moons, shares
from chainrule_examples.connect_four.self_play import policy_value_network
from chainrule_examples.detect.cell_images import CELL
from chainrule_examples.detect.detectors import center_network
from chainrule_examples.faces import lesson as faces
from chainrule_examples.first_names import LENGTH
from chainrule_examples.listen import lesson as listen
from chainrule_examples.listen.utterances import MAX_LABELS
from chainrule_examples.molecules.lesson import network as network_of_molecules
from chainrule_examples.poems import lesson as poems
from chainrule_examples.questions import lesson as questions
from chainrule_examples.questions.question_sets import Question
from chainrule_examples.recommend import lesson as recommend
from chainrule_examples.robot import twin_critics
from chainrule_examples.segment.lesson import segmentation_network
from chainrule_examples.segment.street_images import VOID
from chainrule_examples.sentiment import lesson as sentiment
from chainrule_examples.speak import lesson as speak
from chainrule_examples.translate import lesson as translate
from chainrule_examples.translate.sentence_pairs import Pairs
from chainrule_examples.x_ray import lesson as x_ray
from small_models import narrowed

Values = Mapping[str, np.ndarray]
RNG = np.random.default_rng(5)


class TrainingStartedError(Exception):
    """A training would begin; its arguments are the model and the rows of ``fit``."""


def training_of(train: Callable[..., Any], *arguments: Any) -> tuple[cr.Model, Any, Any]:
    """The model that a function trains, before the training, and its rows."""

    def fit(model: cr.Model, x: Any, y: Any = None, **_: Any) -> None:
        raise TrainingStartedError(model, x, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cr.Model, "fit", fit)
        with pytest.raises(TrainingStartedError) as started:
            train(*arguments)
    return started.value.args  # pyright: ignore[reportReturnType]


class Case:
    """A model and the rows of a step."""

    def __init__(self, model: cr.Model, x: Any, y: Any, weights: Any = None) -> None:
        self.model, self.rows, self.weights = model, (x, y), weights

    def step(self) -> Values:
        """The loss and the parameters after a step of gradient descent."""
        recipe = self.model.recipe
        options: dict[str, Any] = {"penalty": recipe.penalty, "frozen": recipe.frozen, "dtype": "float64"}
        model = cr.Model(recipe.net, recipe.loss, cr.SGD(1.0), metrics=[], **options)
        trainer = model.trainer(*self.rows, sample_weight=self.weights, seed=2)
        loss = trainer.step(*self.rows, self.weights)
        return {**trainer.state.parameters, "loss": np.array(loss)}


class Agent:
    """The agent of the robot: its actor after updates of the critics, and of the actor through a critic."""

    def step(self) -> Values:
        agent = twin_critics.Agent(3, 1, twin_critics.Settings(width=8, batch=4, start=4), 1)
        rng = np.random.default_rng(3)
        for _ in range(6):
            row = {"state": rng.normal(size=3), "after": rng.normal(size=3), "action": rng.uniform(-1, 1, 1)}
            agent.buffer.add(**row, reward=rng.normal(size=1), end=np.zeros(1))
        for _ in range(2):
            agent.learn()
        return agent.model(rng.normal(size=(2, 3))).parameters()


def of_net(net: cr.Layer, loss: Any, x: Any, y: Any) -> Case:
    return Case(cr.Model(net, loss), x, y)


def images(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def words(*shape: int) -> np.ndarray:
    return RNG.integers(1, 9, shape)


def table_default() -> Case:
    """The ensemble of ``chainrule train iris``."""
    plan = plan_of(Options("iris"), prepare_data(Options("iris")))
    rows, options = np.arange(0, 150, 10), plan.fit_options()
    x, labels = plan.prepared.training.x, plan.prepared.labels(plan.prepared.training)
    return Case(plan.model(), x[rows], labels[rows], options["sample_weight"][rows])


def of_connect_four() -> Case:
    y = {"policy": np.full((3, 7), 1 / 7), "value": RNG.uniform(-1, 1, (3, 1))}
    return of_net(
        policy_value_network(8, 2), {"policy": "soft_cross_entropy", "value": "mse"}, images(3, 6, 7, 4), y
    )


def of_detect() -> Case:
    boxes = np.array([[2.0, 3.0, 20.0, 17.0]])
    target = encode_centers(boxes, np.array([1]), 3, (32 // CELL, 48 // CELL), CELL)
    return of_net(
        center_network(3), cr.CenterNet(box_weight=0.5), images(2, 32, 48, 3), np.stack([target] * 2)
    )


def of_listen() -> Case:
    x, y = images(3, 24, 26), np.zeros((3, 1 + MAX_LABELS), np.int64)
    y[:, 0], y[:, 1:4] = 6, words(3, 3)
    part = SimpleNamespace(x=x, y=y)
    return Case(*training_of(listen.train_network, part, part, 0, 1, False))


def of_microgpt() -> Case:
    tokenizer, rows = cr.Tokenizer.learn(["abcdefgh"], "character", 12), (words(3, LENGTH), words(3, LENGTH))
    names = SimpleNamespace(tokenizer=tokenizer, rows=[rows, rows])
    return Case(*training_of(microgpt.train_network, names, 0, 1, False))


def of_molecules() -> Case:
    edges, mask = RNG.random((3, len(BONDS), 5, 5)) < 0.3, np.arange(5) < np.array([[5], [3], [2]])
    x = {"nodes": RNG.normal(size=(3, 5, len(FEATURES))), "edges": edges, "mask": mask}
    return of_net(network_of_molecules(0.5, 2.0), "mse", x, RNG.normal(size=(3, 1)))


def of_poems() -> Case:
    net = cr.models.gpt2("small", 30, poems.LENGTH, poems.QUICK.dropout, **poems.QUICK.stack)
    return of_net(net, cr.CrossEntropy(ignore_index=PAD), words(3, 8), words(3, 8))


def of_questions() -> Case:
    examples = [Question("The key is in the red box.", "Where is the key?", ("the red box",), (14,))] * 2
    reader = QuestionInput.learn([examples[0].passage, examples[0].question], 16, 8)
    rows, y = questions.encode(reader, examples)
    model, x, _ = training_of(questions.train_network, reader, rows, y, (16, 2, 1), 0)
    return Case(model, x, np.array([[3, 5], [16, 16]]))


def of_recommend() -> Case:
    x = (RNG.random((3, 40)) < 0.3).astype(float)
    return Case(*training_of(recommend.train_network, x, x, 0, 1, 0.5, 8))


def of_segment() -> Case:
    loss = cr.CrossEntropy(class_weight=tuple(np.linspace(0.5, 2, VOID).tolist()), ignore_index=VOID)
    return of_net(segmentation_network(), loss, images(2, 16, 32, 3), RNG.integers(0, VOID + 1, (2, 16, 32)))


def of_sentiment() -> Case:
    tokenizer = cr.Tokenizer.learn(["abcdefgh"], "character", 12)
    rows = [({"text": words(3, 12)}, np.array([0, 1, 1]))] * 2
    return Case(*training_of(sentiment.train_network, tokenizer, rows, 0, 1, False))


def of_shares() -> Case:
    x = {"har": RNG.normal(size=(3, 7)), "window": RNG.normal(size=(3, 22, 3))}
    return of_net(shares.network(2), "gaussian_nll", x, RNG.normal(size=(3, 1)))


def of_speak() -> Case:
    x = {"phonemes": words(2, 6), "durations": np.full((2, 6), 2)}
    spectrogram = RNG.normal(size=(2, 16, speak.SPECTROGRAM.n_mels))
    y = {"spectrogram": spectrogram, "log_durations": np.log1p(x["durations"])}
    losses = {"spectrogram": cr.MAE(), "log_durations": cr.Huber()}
    return of_net(replace(speak.network(9), frames=16), losses, x, y)


def of_translate() -> Case:
    pairs, recipe = Pairs(("a red box", "a blue key"), ("hong hezi", "lan yaoshi"), {}), translate.QUICK
    return Case(*training_of(translate.train_model, pairs, pairs, recipe._replace(vocabulary=280)))


def of_images(x: np.ndarray, y: list[int], *training: Any) -> Case:
    return Case(training_of(*training)[0], x, np.array(y))


PEOPLE = SimpleNamespace(frame={"class": pl.Series(["a", "b", "c"])})
CASES: dict[str, Callable[[], Case | Agent]] = {
    "article": lambda: Case(article.network(), article.X, article.Y),
    "moons": lambda: Case(*training_of(moons.train)),
    "digits": lambda: of_images(RNG.random((3, 64)), [0, 9, 4], digits.train),
    "fashion-mnist": lambda: of_images(
        images(3, 28, 28, 1), [0, 9, 4], fashion_mnist.train_network, "small", None
    ),
    "alexnet": lambda: of_net(
        narrowed(alexnet.build()), "cross_entropy", images(2, 28, 28, 1), np.array([0, 9])
    ),
    "poems": of_poems,
    "translate": of_translate,
    "sentiment": of_sentiment,
    "microgpt": of_microgpt,
    "listen": of_listen,
    "speak": of_speak,
    "risk": table_default,
    "diagnose": table_default,
    "fraud": table_default,
    "recommend": of_recommend,
    "shares": of_shares,
    "x-ray": lambda: of_images(images(3, 12, 12, 1), [0, 1, 1], x_ray.train_network, None, None, 1, 0),
    "faces": lambda: of_images(images(3, *faces.SIZE, 1), [0, 1, 2], faces.train_network, PEOPLE, 1, 0),
    "robot": Agent,
    "connect-four": of_connect_four,
    "detect": of_detect,
    "segment": of_segment,
    "molecules": of_molecules,
    "questions": of_questions,
}


def difference(case: Case | Agent) -> float:
    """The largest difference between the reference and the XLA engine, relative to the largest value or 1."""
    results = []
    for engine in ("reference", "xla"):
        with cr.settings.using(engine=engine, dtype="float64"):
            results.append(case.step())
    expected, received = results
    assert set(received) == set(expected)
    return max(
        float(np.abs(received[name] - value).max(initial=0.0))
        / max(1.0, float(np.abs(value).max(initial=0.0)))
        for name, value in expected.items()
    )
