"""A net that learns, answers and is saved: the object a person holds.

It keeps four things and computes nothing itself: the recipe (net, loss, optimizer), the network (its graphs,
once the inputs' shapes are known), the arrays, and what the answers mean (labels, preparation).

Where does a second ``fit`` begin? Afresh, from the seed, as in scikit-learn: then the same call gives the
same bits whatever was called before it, and a notebook's cell can be run twice. Two things say otherwise,
and both are written
out by the person: parameters set by hand (``initialise``, ``load_parameters``) are where the next training
begins, and ``warm_start=True`` goes on from the present parameters and labels. Going on silently, as Keras
does, was
rejected: the optimizer's memory is not kept, so it would be neither the old training nor a new one. The
training that goes on exactly is ``resume=True``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

import numpy as np

from chainrule import data
from chainrule.data import Arrays
from chainrule.errors import ShapeError, TrainingError, UsageError, nearest
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Optimizer, known_optimizer
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.scope import outline
from chainrule.plan.memory_requirement import Need
from chainrule.settings import settings
from chainrule.spec import FLOATS, Size, Spec, shape_text
from chainrule.train import fit as fitting
from chainrule.train.checkpoint import model_file
from chainrule.train.evaluation import evaluate as judging
from chainrule.train.evaluation.metric import Asked, known_metrics, to_name
from chainrule.train.inputs import tabular
from chainrule.train.inputs.input_check import require_fit
from chainrule.train.inputs.target import Target
from chainrule.train.monitor.memory import training_need
from chainrule.train.options import Request, known_options, refuse_unknown
from chainrule.train.state import Tensors
from chainrule.train.step import Network, Recipe, Step

if TYPE_CHECKING:
    from chainrule.data import Preparation, Tokenizer
    from chainrule.train.monitor.probe import Probe

History = list[dict[str, "float | None"]]
BATCH = Size.symbol("B")


class Options(TypedDict, total=False):
    """What a learner may also be told; see ``Learner``."""

    dtype: str | None
    frozen: Sequence[str]
    engine: str | None
    tokenizer: Tokenizer | Mapping[str, Tokenizer] | None


class Learner:
    """A net with a loss and an optimizer.

    Args:
        net: the layers.
        loss: a loss by name or as a record; for several outputs one for each by name.
        optimizer: by name or as a record.
        metrics: what is measured, by name (``cr.METRICS``) or as functions; the usual ones by default.
        penalty: what the size of every weight matrix costs, such as ``cr.L2(1e-4)``.
        clip: what limits the gradients, such as ``cr.ClipGlobalNorm(1.0)``.
        options: ``dtype`` (``"float32"`` or ``"float64"``) and ``engine`` (what runs the graphs), by default
            those of the settings; ``frozen`` (paths of parts that stay as they are; see ``Model.freeze``);
            ``tokenizer`` (of the texts it learns from, one or one for each input, so that it can write
            texts).

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
        metrics: Sequence[str | Asked] | None = None,
        penalty: Penalty | None = None,
        clip: Clip | None = None,
        **options: Unpack[Options],
    ) -> None:
        if not isinstance(net, Layer):
            raise UsageError(
                "E104",
                where="Model",
                expected="a layer",
                received=repr(net),
                fix="cr.Sequential(cr.Dense(1))",
            )
        refuse_unknown("Model", options, Options.__annotations__)
        kind, frozen = options.get("dtype") or settings.dtype, options.get("frozen", ())
        if kind not in FLOATS:
            raise UsageError(
                "E101", where="Model, dtype", name=kind, expected=", ".join(FLOATS), received=repr(kind),
                fix=f'dtype="{nearest(str(kind), FLOATS) or FLOATS[0]}"',
            )  # fmt: skip
        paths = (frozen,) if isinstance(frozen, str) else tuple(frozen)
        self.recipe = Recipe(net, loss, known_optimizer(optimizer), penalty, clip, kind, paths)
        self.metrics = None if metrics is None else tuple(map(to_name, known_metrics(metrics)))
        self.engine = options.get("engine")
        self.tokenizers = data.tokenizers_of(given) if (given := options.get("tokenizer")) else {}
        self.network: Network | None = None
        self.targets: dict[str, Target] = {}
        self.preparation: Preparation | None = None
        self.history: History = []
        self.probes: list[Probe] = []  # what went on inside while it learned
        self.facts: dict[str, Any] = {}
        self.computation: dict[str, str] = {}  # fingerprints of what the last training computed,
        self.step: Step | None = None  # or that training's step, until they are needed
        self.start = ""  # "sampled" by the seed or "given": the initial parameters of the last training
        self._parameters: Tensors = {}
        self._states: Tensors = {}
        self.is_given = False  # whether the parameters were set by hand, to begin the next training with

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
            y: (N,) labels or values, (N, O) values, arrays by output name; for a table the column's name, or
                the answers themselves; ``None`` where the loss takes no targets (``"triplet_margin"``).
            epochs: how many passes over the data at most.
            batch_size: samples for one update; 1 is stochastic descent, ``None`` the whole set (batch
                descent).
            validation: ``(x, y)``, ``(x, y, weights)``, or a fraction between 0 and 1 that is split off, to
                be measured after each epoch. ``class_weight`` and penalties do not count in ``val_loss``.
            seed: decides the first values, the order and every random number of the training.
            options: ``shuffle=True``; ``verbose=None`` (a progress bar when the output is a terminal);
                ``callbacks=()`` (stopping rules, and functions that see every event and stop the training by
                answering ``True``); ``metrics=None`` (what is measured of the validation rows, in place of
                the model's own choice); ``buckets=None`` (a number: sequences whose lengths differ by less
                share a batch, which is cut to its length; zeros at the end of inputs and ignored labels at
                the end of targets are filling); ``class_weight=None`` (``"balanced"`` or a number for each
                label); ``sample_weight=None`` (a number for each sample, or for each of its places);
                ``augmentation=None`` (a ``cr.Augmentation``: images are changed at random in every epoch);
                ``warm_start=False`` (begin with the present parameters);
                ``probes=True`` (look into the net at some of the steps, for ``model.probes`` and the doctor);
                ``doctor=True`` (tell of problems, as ``Model.check``);
                ``run=None`` (a folder for checkpoints) with ``resume=False`` and ``save_every=5.0`` seconds.

        Returns:
            the history: one row for each epoch.

        Fails:
            DataError, ShapeError: samples that cannot be learned from, or do not fit the net; the model is
                then what it was before.
            TrainingError E501: a number became NaN or infinite; the model then has the last good parameters.
            TrainingError E508: a step does not fit into the memory that is free.
            FileError E505: the training to resume was another one.
        """
        request = Request(epochs, batch_size, seed, **known_options(options))
        return fitting.fit(self, x, y, validation, request)

    def attendants(self) -> Sequence[Any]:
        return ()  # callbacks that listen to every training, unless ``doctor=False``

    def initialise(self, inputs: Mapping[str, Spec], seed: int = 0) -> Self:
        """Build the graphs for inputs of these specs and draw first parameters, without training."""
        self.assemble(inputs)
        self.draw(seed)
        self.is_given = True
        return self

    def assemble(self, inputs: Mapping[str, Spec]) -> None:
        """Build the graphs for inputs of these specs; no parameter has a value yet.

        Fails:
            UsageError E101, E118: names that do not exist, or that two things have.
        """
        network = Network(self.recipe, dict(inputs), self.engine)
        network.check()
        self.network, self.targets = network, judging.targets_of(network)
        self._parameters, self._states = {}, {}

    def draw(self, seed: int) -> None:
        """Draw first parameters by the seed."""
        assert self.network is not None
        self._parameters, self._states = self.network.start(seed)

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
                raise TrainingError(
                    "E507", where=f'output "{name}"', received=target.loss.name, fix="model.predict(x)"
                )
        said = judging.answers(self, self._inputs(x), "answer")
        return judging.single({name: self.targets[name].probabilities(a) for name, a in said.items()})

    def evaluate(
        self, x: Any, y: Any = None, sample_weight: Any = None, metrics: Sequence[str | Asked] | None = None
    ) -> dict[str, float]:
        """The loss and the metrics on samples with known answers.

        Values of a model that learned from a table are measured in the units of its column.

        Args:
            x, y: as in ``fit``.
            sample_weight: how much each sample counts, (N,), or each of its places, (N, T).
            metrics: what is measured besides the loss, by name; by default what the model was made with, else
                the usual ones of the task.

        Fails:
            TrainingError E503: the model has not learned anything yet.
            UsageError E101: no such metric for this task.
        """
        x, y = tabular.taken(self.preparation, x, y)
        return judging.evaluate(self, x, y, sample_weight, metrics)

    def _inputs(self, x: Any) -> dict[str, np.ndarray]:
        if self.network is None:
            raise TrainingError("E503", where="predict", fix="model.fit(x, y)")
        if self.preparation is not None and tabular.is_table(x, None):
            x = tabular.inputs(self.preparation, x)
        return self.fitting(Arrays.of(x, dtype=self.recipe.dtype).x)

    def fitting(self, x: np.ndarray | dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The input arrays by name, once it is known that they fit the net.

        Fails:
            ShapeError E209: another shape than the net was built for, or inputs missing; all are listed.
        ShapeError E211: a number that no row of an embedding stands for.
        """
        assert self.network is not None
        specs = self.network.inputs
        arrays = x if isinstance(x, dict) else {next(iter(specs)): x}
        require_fit(specs, arrays)
        judging.refuse_outside(self.network, arrays)
        return {name: arrays[name] for name in specs}

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
        """Set parameters by path; those not named stay. The next ``fit`` begins with them.

        Fails:
            TrainingError E503: there are no parameters yet.
            UsageError E101: no such parameter. UsageError E113: no numbers.
            ShapeError E209: another shape; all mismatches are listed.
        """
        if self.network is None:
            raise TrainingError(
                "E503", where="load_parameters", fix="model.fit(x, y), or model.initialise(inputs)"
            )
        strange = [path for path in values if path not in self._parameters]
        if strange:
            close = nearest(strange[0], self._parameters)
            raise UsageError(
                "E101", where="load_parameters", name=strange[0], expected=outline(self._parameters),
                received=", ".join(strange), fix=f'{{"{close}": ...}}' if close else "",
            )  # fmt: skip
        arrays = {path: self._numbers(path, v) for path, v in values.items()}
        wrong = [
            f"{path} is {shape_text(a.shape)}, not {shape_text(self._parameters[path].shape)}"
            for path, a in arrays.items()
            if a.shape != self._parameters[path].shape
        ]
        if wrong:
            raise ShapeError("E209", where="load_parameters", received=wrong[0], notes=wrong[1:])
        self.adopt({**self._parameters, **arrays}, self._states)
        self.is_given = True
        return self

    def _numbers(self, path: str, value: Any) -> np.ndarray:
        """A copy of a value as an array of the model's number kind."""
        try:
            return np.array(value, dtype=self.recipe.dtype)
        except (TypeError, ValueError) as cause:
            raise UsageError(
                "E113",
                where="load_parameters",
                name=path,
                expected="numbers",
                received=str(cause).splitlines()[0],
            ) from cause

    def adopt(self, parameters: Tensors, states: Tensors) -> None:
        """Take these arrays as the model's own."""
        self._parameters, self._states = parameters, states

    @property
    def held(self) -> Tensors:
        """The parameters and states by path, to be read only."""
        return {**self._parameters, **self._states}

    def summary(self) -> str:
        """The net as a table: each layer with its output's shape and its parameters."""
        return judging.summary(self)

    def memory(self, batch_size: int = 32) -> Need:
        """What memory a training takes besides its data, by what it is for; nothing is allocated.

        Args:
            batch_size: samples for one update.

        Fails:
            TrainingError E503: the shapes of the inputs are not known yet.
            UsageError E102: no such batch size.
        """
        if self.network is None:
            raise TrainingError("E503", where="memory", fix="model.initialise(inputs)")
        request = Request(1, batch_size, 0)
        step = self.network.step(weighted=False, horizon=1)
        return training_need(self.network, step, request.batch_size or 1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one data-only file: weights, net, preprocessing, labels, units, training facts, checksum.

        Fails:
            FileError: the disk is full, the folder is missing or may not be written; the old file is
                untouched.
        """
        model_file.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], layers: Sequence[type[Layer]] = ()) -> Self:
        """The model a file holds; executes nothing.

        Args:
            path: what ``save`` wrote.
            layers: classes of your own layers, if the net has some.

        Fails:
            FileError: the file is missing, damaged, foreign or newer than this chainrule.
        """
        return model_file.load(cls, path, layers)
