"""What a training does with the rows of a table: one network on a split, or an ensemble over folds.

Both have the same parts: the untrained model, the arguments of ``fit``, and the rows that are scored with the
predictions for them. The rest of the command does not depend on which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

import numpy as np

from chainrule import data
from chainrule.apps.cli.model_output import model_output
from chainrule.apps.cli.options import ENSEMBLE, NET, Options
from chainrule.apps.cli.table_of_options import is_ensemble
from chainrule.data import PreparedData, Table
from chainrule.data.tables.folds import folds, row_digests
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.errors import DataError, UsageError, fact
from chainrule.memo import cached_property
from chainrule.model import Model
from chainrule.nn import L2, OPTIMIZERS, Flatten, Optimizer, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName
from chainrule.tabular import CrossValidation, EnsembleTraining, TabularRecipe, out_of_fold, recipe_for
from chainrule.tabular.recipe import MIN_FOLDS
from chainrule.train.evaluation.metric import PRIMARY_METRIC, resolve_metrics
from chainrule.train.stopping import EarlyStopping

BASELINE_FITS = 5  # fits of each baseline in cross-validation
MIN_ROWS = 8  # rows of an ensemble, and distinct inputs from which equal rows share a fold
OVERRIDES = ("epochs", "batch_size", "learning_rate", "patience")  # options that replace values of the recipe


class TrainingPlan(Protocol):
    """What a training does with the rows of a table."""

    @property
    def options(self) -> Options:
        """The options of the training."""
        ...

    @property
    def prepared(self) -> PreparedData:
        """The data."""
        ...

    @property
    def is_ensemble(self) -> bool:
        """Whether each of several networks has its own best epoch."""
        ...

    @property
    def epochs(self) -> int:
        """The maximum number of epochs."""
        ...

    @property
    def batch_size(self) -> int:
        """The rows of a batch."""
        ...

    def model(self) -> Model:
        """The untrained model with the preparation of the table."""
        ...

    def fit_options(self) -> dict[str, Any]:
        """The arguments of ``fit`` that determine the result of a training."""
        ...

    @property
    def split(self) -> tuple[str, dict[str, Any]]:
        """The key of the sentence that describes how the rows are used, and its numbers."""
        ...

    @property
    def is_cross_validated(self) -> bool:
        """Whether the scored rows are training rows, predicted by networks that they did not influence."""
        ...

    @property
    def scored(self) -> PreparedRows:
        """The encoded rows that are scored."""
        ...

    @property
    def scored_table(self) -> Table:
        """The cells of the scored rows."""
        ...

    def output(self, model: Model, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Probabilities (n, K) or standardized values (n, 1) by networks that these rows did not influence.

        Args:
            model: the trained model.
            x: (n, ...) inputs of some of the scored rows, which may be changed.
            rows: their positions in ``scored``.
        """
        ...

    def held_out(self, model: Model) -> tuple[PreparedRows, np.ndarray]:
        """Rows outside the training, possibly none, and the model's output; never test rows of a split."""
        ...

    def trained_on(self, rows: np.ndarray) -> Model:
        """A new model, trained with the same options on the training rows with these numbers."""
        ...

    @property
    def baseline_fits(self) -> Sequence[tuple[PreparedRows, np.ndarray]]:
        """For each fit of the baselines, the rows to fit on and the positions in ``scored`` to predict."""
        ...


def plan_of(options: Options, prepared: PreparedData) -> TrainingPlan:
    """The plan of a training.

    Raises:
        DataError E354: ``--augment`` for data without images. UsageError E108: class weights for a
        regression. E101, E102: an unknown word of ``--net`` or an invalid setting.
    """
    if options.class_weight and not prepared.task.is_classification:
        raise UsageError(
            "E108", where="--class-weight", expected=fact("classes"), received=prepared.task.kind
        )
    if options.augment and len(prepared.preparation.shape) < 2:
        raise DataError("E354", where="--augment", expected=fact("a folder of images"), received=options.data)
    resolve_metrics(options.metric, [prepared.task.kind])
    has_images = len(prepared.preparation.shape) > 1
    return Folds(options, prepared) if is_ensemble(options, has_images) else SplitRows(options, prepared)


def _optimizer(options: Options) -> Optimizer:
    """The optimizer of the options."""
    optimizer_class: Any = OPTIMIZERS[options.optimizer]  # all have a learning rate
    return optimizer_class(learning_rate=options.learning_rate)


def _common(options: Options, prepared: PreparedData) -> dict[str, Any]:
    """The arguments of ``fit`` that do not depend on the plan."""
    return {
        "seed": options.seed,
        "class_weight": options.class_weight or None,
        "metrics": (PRIMARY_METRIC[prepared.task.kind], *options.metric),  # the others only at the end
    }


@frozen(eq=False)
class SplitRows:
    """One network, trained on a part of the rows; validation rows stop it, test rows score it."""

    options: Options
    prepared: PreparedData

    @property
    def is_ensemble(self) -> bool:
        return False

    @property
    def epochs(self) -> int:
        return self.options.epochs

    @property
    def batch_size(self) -> int:
        return self.options.batch_size

    def model(self) -> Model:
        options, prepared = self.options, self.prepared
        net = net_from_text(NET if options.net == ENSEMBLE else options.net, prepared.outputs)
        if len(prepared.preparation.shape) > 1:  # images: the layers of --net take flat inputs
            net = Sequential(Flatten(), *net.layers)
        penalty = L2(options.penalty) if options.penalty else None
        engine = cast(EngineName | None, options.engine or None)  # an unknown engine is refused
        model = Model(net, prepared.loss, _optimizer(options), penalty=penalty, engine=engine)
        return Model.of(replace(model.state, preparation=prepared.preparation))

    def fit_options(self) -> dict[str, Any]:
        options, prepared = self.options, self.prepared
        validation = prepared.validation
        weights = () if validation.weights is None else (validation.weights,)
        return {
            **_common(options, prepared),
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "sample_weight": prepared.training.weights,
            "validation": (validation.x, prepared.labels(validation), *weights),
            "callbacks": [EarlyStopping(patience=options.patience)] if options.patience else [],
            "augmentation": data.augmentation_from_text(options.augment) if options.augment else None,
        }

    @property
    def split(self) -> tuple[str, dict[str, Any]]:
        sizes = dict(zip(("training", "validation", "test"), self.prepared.parts.sizes, strict=True))
        return "split", {**sizes, "seed": self.options.seed}

    @property
    def is_cross_validated(self) -> bool:
        return False

    @property
    def scored(self) -> PreparedRows:
        return self.prepared.test

    @property
    def scored_table(self) -> Table:
        return self.prepared.test_rows

    def output(self, model: Model, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return model_output(model, x)

    def held_out(self, model: Model) -> tuple[PreparedRows, np.ndarray]:
        rows = self.prepared.validation
        return rows, model_output(model, rows.x) if len(rows.y) else np.zeros((0, 1))

    def trained_on(self, rows: np.ndarray) -> Model:
        training, weights = self.prepared.training, self.prepared.training.weights
        options = self.fit_options() | {"sample_weight": None if weights is None else weights[rows]}
        return _fitted(self.model(), training.x[rows], self.prepared.labels(training.take(rows)), options)

    @property
    def baseline_fits(self) -> Sequence[tuple[PreparedRows, np.ndarray]]:
        return [(self.prepared.training_and_validation, np.arange(len(self.prepared.test.y)))]


@frozen(eq=False)
class Folds:
    """An ensemble over the folds of a cross-validation, scored by out-of-fold predictions."""

    options: Options
    prepared: PreparedData

    @cached_property
    def recipe(self) -> TabularRecipe:
        """The recipe for this number of rows, with the options that the user passed."""
        options = self.options
        passed = {name: getattr(options, name) for name in OVERRIDES if options.is_passed(name)}
        recipe, distinct = recipe_for(len(self.prepared.training.y)), len(np.unique(self._units))
        if distinct < MIN_ROWS and self._groups is None:
            raise DataError(
                "E331", where=self.prepared.table.source,
                expected=fact("at least {count} rows", count=MIN_ROWS),
                received=fact("{count} rows", count=distinct), fix=fact("add rows"),
            )  # fmt: skip
        count = min(recipe.folds, max(MIN_FOLDS, distinct))
        return replace(recipe, folds=count, members=min(recipe.members, count), **passed)

    @cached_property
    def _table(self) -> Table:
        """The cells of the training rows."""
        return self.prepared.table.take(self.prepared.parts.train)

    @cached_property
    def _digests(self) -> np.ndarray:
        """The digest of the inputs of each training row, (N,); its number where there are few distinct ones.

        Without the target: rows with equal inputs and different targets would otherwise be in different
        folds, each without the others, and a network would learn the opposite of what it is scored on.
        """
        digests = row_digests(self._table, self.prepared.preparation.columns)
        if len(np.unique(digests)) >= MIN_ROWS:
            return digests
        return np.arange(len(digests), dtype=np.uint64)  # later rows repeat the same few inputs, too

    @cached_property
    def _groups(self) -> np.ndarray | None:
        """The group of each training row, (N,), whose rows share a fold; ``None``: there are none."""
        division = data.Division.parse(self.options.split or "random")
        return self._table.frame[division.column].cast(str).to_numpy() if division.way == "group" else None

    @property
    def _units(self) -> np.ndarray:
        """What the folds are drawn over: groups, or rows with equal ones counted once."""
        return self._digests if self._groups is None else self._groups

    @cached_property
    def cross_validation(self) -> CrossValidation:
        """The role of each row for each member; folds depend on the content of the rows and the seed."""
        prepared, recipe = self.prepared, self.recipe
        labels = prepared.training.y if prepared.task.is_classification else None
        fold = folds(self._digests, recipe.folds, labels=labels, groups=self._groups, seed=self.options.seed)
        return CrossValidation(fold, recipe.folds, recipe.members, len(recipe.groups))

    @cached_property
    def training(self) -> EnsembleTraining:
        """The ensemble before its training."""
        prepared, rows = self.prepared, self.prepared.training
        return EnsembleTraining(
            self.recipe, self.cross_validation, rows.x, prepared.outputs, prepared.loss, rows.weights
        )

    @property
    def is_ensemble(self) -> bool:
        return True

    @property
    def epochs(self) -> int:
        return self.recipe.epochs

    @property
    def batch_size(self) -> int:
        return self.recipe.batch_size

    def model(self) -> Model:
        return self._model(self.training)

    def _model(self, training: EnsembleTraining) -> Model:
        options = self.options
        state = training.model(engine=cast(EngineName | None, options.engine or None))
        recipe = state.recipe
        if options.is_passed("optimizer"):
            recipe = replace(recipe, optimizer=_optimizer(options))
        if options.is_passed("penalty"):
            recipe = replace(recipe, penalty=L2(options.penalty) if options.penalty else None)
        return Model.of(replace(state, recipe=recipe, preparation=self.prepared.preparation))

    def fit_options(self) -> dict[str, Any]:
        labels = self.prepared.labels(self.prepared.training)
        return {**_common(self.options, self.prepared), **self.training.fit_options(labels)}

    @property
    def split(self) -> tuple[str, dict[str, Any]]:
        recipe, test = self.recipe, self.prepared.parts.sizes[2]
        numbers = {
            "rows": self.prepared.parts.sizes[0], "folds": recipe.folds, "trained": recipe.folds - 2,
            "networks": recipe.members * len(recipe.groups), "test": test, "seed": self.options.seed,
        }  # fmt: skip
        return "split_folds_and_test" if test else "split_folds", numbers

    @property
    def is_cross_validated(self) -> bool:
        return not self.prepared.parts.sizes[2]

    @property
    def scored(self) -> PreparedRows:
        return self._scored

    @property
    def scored_table(self) -> Table:
        return self._scored_table

    @cached_property
    def _scored(self) -> PreparedRows:
        if not self.is_cross_validated:
            return self.prepared.test
        return self.prepared.training.take(self.cross_validation.scored)

    @cached_property
    def _scored_table(self) -> Table:
        if not self.is_cross_validated:
            return self.prepared.test_rows
        return self.prepared.table.take(self.prepared.parts.train[self.cross_validation.scored])

    def output(self, model: Model, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return self._out_of_fold(model, x, rows) if self.is_cross_validated else model_output(model, x)

    def _out_of_fold(self, model: Model, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The output for training rows by the members that they did not influence."""
        plan = self.cross_validation
        chosen = replace(plan, folds=plan.folds[plan.scored[rows]])
        output = out_of_fold(model.state, x, chosen)[1]
        return output if self.prepared.task.is_classification else output.reshape(-1, 1)

    def held_out(self, model: Model) -> tuple[PreparedRows, np.ndarray]:
        rows = self.prepared.training.take(self.cross_validation.scored)
        return rows, self._out_of_fold(model, rows.x, np.arange(len(rows.y)))

    def trained_on(self, rows: np.ndarray) -> Model:
        part = self.prepared.training.take(rows)
        plan = replace(self.cross_validation, folds=self.cross_validation.folds[rows])
        training = replace(self.training, plan=plan, x=part.x, weights=part.weights)
        labels = self.prepared.labels(part)
        options = _common(self.options, self.prepared) | training.fit_options(labels)
        return _fitted(self._model(training), part.x, labels, options)

    @property
    def baseline_fits(self) -> Sequence[tuple[PreparedRows, np.ndarray]]:
        training = self.prepared.training
        if not self.is_cross_validated:
            return [(training, np.arange(len(self.prepared.test.y)))]
        fold = self.cross_validation.folds
        group = np.where(fold < self.recipe.members, fold % BASELINE_FITS, -1)  # several folds share a fit
        scored = group[self.cross_validation.scored]
        return [
            (training.take(np.flatnonzero(group != number)), np.flatnonzero(scored == number))
            for number in range(min(self.recipe.members, BASELINE_FITS))
        ]


def _fitted(model: Model, x: np.ndarray, y: np.ndarray, options: dict[str, Any]) -> Model:
    """Train a model without progress, probes and diagnosis."""
    model.fit(x, y, **options, verbose=False, doctor=False, probes=False)
    return model
