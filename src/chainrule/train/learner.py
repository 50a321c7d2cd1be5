"""A net that learns, answers and is saved: the object a person holds.

It keeps four things and computes nothing itself: the recipe (net, loss, optimizer), the network (its graphs, once the
inputs' shapes are known), the arrays, and what the answers mean (labels, preparation).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from chainrule.data import Arrays, Preparation, Table
from chainrule.errors import ShapeError, TrainingError, UsageError, nearest
from chainrule.nn.clip import Clip
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Optimizer, known_optimizer
from chainrule.nn.penalty import Penalty
from chainrule.settings import settings
from chainrule.spec import Spec, shape_text
from chainrule.train import file, fitting, judging, tabular
from chainrule.train.state import Tensors
from chainrule.train.step import Network, Recipe
from chainrule.train.target import Target

History = list[dict[str, "float | None"]]


class Learner:
    """A net with a loss and an optimizer.

    Args:
        net: the layers.
        loss: a loss by name or as a record; for several outputs one for each by name.
        optimizer: by name or as a record.
        metrics: what is measured besides the loss, by name; all of the task by default.
        penalty: what the size of every weight matrix costs, such as ``cr.L2(1e-4)``.
        clip: what limits the gradients, such as ``cr.ClipGlobalNorm(1.0)``.
        dtype: ``"float32"`` or ``"float64"``; the setting by default.
        frozen: paths (or their beginnings) of parameters that stay as they are.
        engine: what runs the graphs; the setting by default.

    Fails:
        UsageError E101: a name that does not exist.

    Example:
        >>> from chainrule.nn import Dense, SGD, Sequential
        >>> model = Learner(Sequential(Dense(3, "sigmoid"), Dense(1, "sigmoid")), "half_mse", SGD(0.5))
        >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0.0, 1.0, 1.0, 1.0]
        >>> history = model.fit(x, y, epochs=200, batch_size=4, seed=0, verbose=False)
        >>> history[-1]["loss"] < 0.1
        True
    """

    def __init__(
        self,
        net: Layer,
        loss: str | Loss | Mapping[str, str | Loss],
        optimizer: str | Optimizer = "adam",
        *,
        metrics: Sequence[str] | None = None,
        penalty: Penalty | None = None,
        clip: Clip | None = None,
        dtype: str | None = None,
        frozen: Sequence[str] = (),
        engine: str | None = None,
    ) -> None:
        if not isinstance(net, Layer):
            raise UsageError(
                "E104", where="Model", expected="a layer", received=repr(net), fix="cr.Sequential(cr.Dense(1))"
            )
        self.recipe = Recipe(
            net, loss, known_optimizer(optimizer), penalty, clip, dtype or settings.dtype, tuple(frozen)
        )
        self.metrics = None if metrics is None else tuple(metrics)
        self.engine = engine
        self.network: Network | None = None
        self.targets: dict[str, Target] = {}
        self.preparation: Preparation | None = None
        self.history: History = []
        self.facts: dict[str, Any] = {}
        self._parameters: Tensors = {}
        self._states: Tensors = {}

    # --- learning

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation: Any = None,
        seed: int = 0,
        **options: Any,
    ) -> History:
        """Train on samples.

        Args:
            x: (N, ...) numbers, arrays by input name, or a table (path, frame, name of a bundled set).
            y: (N,) labels or values, (N, O) values, arrays by output name; for a table the name of the column.
            epochs: how many passes over the data at most.
            batch_size: samples for one update; 1 is stochastic descent, ``None`` the whole set (batch descent).
            validation: ``(x, y)``, or a fraction between 0 and 1 that is split off, to be measured after each epoch.
            seed: decides the first values, the order and every random number of the training.
            options: ``shuffle=True``; ``verbose=None`` (a progress bar when the output is a terminal);
                ``callbacks=()`` (stopping rules, and functions that see every event); ``class_weight=None``
                (``"balanced"`` or a number for each label); ``sample_weight=None``; ``run=None`` (a folder for
                checkpoints) with ``resume=False`` and ``save_every=5.0`` seconds.

        Returns:
            the history: one row for each epoch.

        Fails:
            DataError, ShapeError: samples that cannot be learned from, or do not fit the net.
            TrainingError E501: the loss became NaN or infinite.
        """
        request = fitting.Request(epochs, batch_size, seed, **fitting.known_options(options))
        if tabular.is_table(x, y):
            x, y, validation = tabular.prepare(self, x, y, validation, seed)
        return fitting.fit(self, x, y, validation, request)

    def initialise(self, inputs: Mapping[str, Spec], seed: int = 0) -> Self:
        """Build the graphs for inputs of these specs and draw first parameters, without training."""
        self.network = Network(self.recipe, dict(inputs), self.engine)
        self._parameters, self._states = self.network.start(seed)
        self.targets = judging.targets_of(self.network)
        return self

    # --- answering

    def __call__(self, x: Any) -> np.ndarray | dict[str, np.ndarray]:
        """The net's raw outputs (of a classifier: scores, not probabilities)."""
        return judging.single(judging.answers(self, self._inputs(x), "raw"))

    def predict(self, x: Any) -> np.ndarray | dict[str, np.ndarray]:
        """Labels for a classifier, values for a regressor (in the units of the training's table)."""
        said = judging.answers(self, self._inputs(x), "answer")
        decided = {name: self.targets[name].decide(answer) for name, answer in said.items()}
        if self.preparation is not None and self.preparation.task == "regression":
            decided = {name: self.preparation.restore(values) for name, values in decided.items()}
        return judging.single(decided)

    def predict_proba(self, x: Any) -> np.ndarray | dict[str, np.ndarray]:
        """The probability of each class, in the order of ``labels``: (N, K).

        Fails:
            TrainingError E507: the model gives values, not probabilities.
        """
        for name, target in self.targets.items():
            if target.loss.task != "classification":
                raise TrainingError("E507", where=f'output "{name}"', received=target.loss.name, fix="model.predict(x)")
        said = judging.answers(self, self._inputs(x), "answer")
        return judging.single({name: self.targets[name].probabilities(a) for name, a in said.items()})

    def evaluate(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """The loss and the metrics on samples with known answers."""
        if self.preparation is not None and tabular.is_table(x, y):
            x, y = tabular.apply(self.preparation, x)
        return judging.evaluate(self, x, y, sample_weight)

    def _inputs(self, x: Any) -> dict[str, np.ndarray]:
        if self.network is None:
            raise TrainingError("E503", fix="model.fit(x, y)")
        if self.preparation is not None and tabular.is_table(x, None):
            x = tabular.inputs(self.preparation, x)
        given = Arrays.of(x, dtype=self.recipe.dtype).x
        return self.fitting(given if isinstance(given, dict) else {next(iter(self.network.inputs)): given})

    def fitting(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The input arrays, once it is known that they fit the net.

        Fails:
            ShapeError E209: another shape than the net was built for.
        """
        assert self.network is not None
        for name, spec in self.network.inputs.items():
            found = arrays.get(name)
            if found is None or tuple(found.shape[1:]) != spec.shape[1:]:
                raise ShapeError(
                    "E209", where=f'input "{name}"', expected=shape_text(spec.shape),
                    received=", ".join(arrays) if found is None else shape_text(("B", *found.shape[1:])),  # pyright: ignore[reportArgumentType]
                )  # fmt: skip
        return arrays

    # --- what it is

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes in the order of their numbers; empty for values."""
        return next((t.labels for t in self.targets.values() if t.labels), ())

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return next((t.loss.task for t in self.targets.values()), "regression")

    def parameters(self) -> Tensors:
        """The parameters by path, such as ``"dense1.weight"``: copies."""
        return {path: value.copy() for path, value in self._parameters.items()}

    def states(self) -> Tensors:
        """The layers' running values by path: copies."""
        return {path: value.copy() for path, value in self._states.items()}

    def load_parameters(self, values: Mapping[str, Any]) -> Self:
        """Set parameters by path; those not named stay.

        Fails:
            UsageError E101: no such parameter. ShapeError E209: another shape; all mismatches are listed.
        """
        strange = [path for path in values if path not in self._parameters]
        if strange:
            close = nearest(strange[0], self._parameters)
            raise UsageError(
                "E101", where="load_parameters", name=strange[0], expected=", ".join(self._parameters) or "fit first",
                received=", ".join(strange), fix=f'{{"{close}": ...}}' if close else "model.fit(x, y)",
            )  # fmt: skip
        arrays = {path: np.asarray(v, dtype=self.recipe.dtype) for path, v in values.items()}
        wrong = [
            f"{path} is {shape_text(a.shape)}, not {shape_text(self._parameters[path].shape)}"
            for path, a in arrays.items()
            if a.shape != self._parameters[path].shape
        ]
        if wrong:
            raise ShapeError("E209", where="load_parameters", received=wrong[0], notes=wrong[1:])
        self._parameters.update({path: np.array(a) for path, a in arrays.items()})
        return self

    def adopt(self, parameters: Tensors, states: Tensors) -> None:
        """Take these arrays as the model's own."""
        self._parameters, self._states = parameters, states

    def summary(self) -> str:
        """The net as a table: each layer with its output's shape and its parameters."""
        return judging.summary(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one data-only file: weights, net, preprocessing, labels, units, training facts, checksum.

        Fails:
            FileError: the disk is full, the folder is missing or may not be written; the old file is untouched.
        """
        file.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], layers: Sequence[type[Layer]] = ()) -> Self:
        """The model a file holds; executes nothing.

        Args:
            path: what ``save`` wrote.
            layers: classes of your own layers, if the net has some.

        Fails:
            FileError: the file is missing, damaged, foreign or newer than this chainrule.
        """
        return file.load(cls, path, layers)
