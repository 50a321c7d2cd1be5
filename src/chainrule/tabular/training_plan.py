"""What a training does with the rows of a table: one network on a split, or an ensemble over folds.

Both have the same parts: the untrained model, the arguments of ``fit``, and the rows that are scored with the
predictions for them. The rest of the command does not depend on which it is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

import numpy as np

from chainrule import data
from chainrule.data import Preparation, PreparedData, Table, read_images
from chainrule.data.readers.builtin_datasets import IMAGE_SETS, TARGETS
from chainrule.data.readers.sources import read_source
from chainrule.data.tables.findings import is_on_command_line
from chainrule.data.tables.folds import folds, row_digests, unit_digests
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.data.tables.random_split import FRACTIONS
from chainrule.errors import DataError, UsageError, fact, nearest
from chainrule.memoization import Memo, cached_property
from chainrule.metrics import PRIMARY_METRIC, resolve_metrics
from chainrule.model import Model
from chainrule.nn import L2, OPTIMIZERS, Dense, Dropout, Flatten, Optimizer, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName, PrecisionName
from chainrule.tabular.evaluation import HeldOutRows, ScoredRows, model_output
from chainrule.tabular.option_names import command, option, place
from chainrule.tabular.options import ENSEMBLE, NET, OF_ENSEMBLE, Options, radius_of, refuse_private
from chainrule.tabular.training_status import RowUse
from chainrule.train.callback.early_stopping import EarlyStopping
from chainrule.train.default_table_ensemble import (
    MIN_FOLDS,
    CrossValidation,
    EnsembleTraining,
    TabularRecipe,
    balancing_rare_classes,
    fold_weights,
    out_of_fold,
    recipe_for,
    scoring_rare_classes,
)
from chainrule.train.model_state import ModelOptions, ModelState
from chainrule.train.robust import (
    TRADES,
    AdversarialTraining,
    IntervalTraining,
    NoiseTraining,
    RobustTraining,
)
from chainrule.validation import out_of_range


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
    def epochs(self) -> int:
        """The maximum number of epochs."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the networks of an ensemble, in the order of their weights; empty for one network."""
        ...

    @property
    def row_use(self) -> RowUse:
        """How the rows are used."""
        ...

    @property
    def used(self) -> dict[str, Any]:
        """The values of options that the training uses and that the user did not pass."""
        ...

    @property
    def scored(self) -> ScoredRows:
        """The rows that are scored."""
        ...

    def model(self) -> Model:
        """Return the untrained model with the preparation of the table."""
        ...

    def fit_options(self) -> dict[str, Any]:
        """Return the arguments of ``fit`` that determine the result of a training."""
        ...

    def held_out(self, model: Model) -> HeldOutRows:
        """Return rows outside the training with the output of a trained model."""
        ...

    def trained_on(self, rows: np.ndarray) -> Model:
        """Return a new model, trained with the same options on the training rows with these numbers."""
        ...


def plan_of(options: Options, prepared: PreparedData) -> TrainingPlan:
    """Return the plan of a training.

    Raises:
        DataError E354: ``--augment`` for data without images. UsageError E108: class weights for a
        regression. E101, E102: an unknown word of ``--net`` or an invalid setting.
    """
    if options.class_weight and not prepared.task.is_classification:
        raise UsageError(
            "E108", where=place("class_weight"), expected=fact("classes"), received=prepared.task.kind
        )
    if options.augment and len(prepared.preparation.shape) < 2:
        raise DataError(
            "E354", where=place("augment"), expected=fact("a folder of images"), received=options.data
        )
    resolve_metrics(options.metric, [prepared.task.kind])
    has_images = len(prepared.preparation.shape) > 1
    passed = [name for name in OF_ENSEMBLE if options.is_passed(name)]
    if passed and not is_ensemble(options, has_images):
        where, fix = place(passed[0]), fact("leave out {names}", names=option(passed[0]))
        raise out_of_range(fact("a single network"), passed[0], where, fact("an ensemble"), fix=fix)
    if options.learning_rate_at and is_ensemble(options, has_images):
        name, where, fix = option("learning_rate_at"), place("learning_rate_at"), _quick("")
        raise out_of_range(fact("an ensemble"), name, where, fact("a single network"), fix=fix)
    if options.robust:
        if is_ensemble(options, has_images):
            expected, fix = fact("a single network"), _quick(options.robust)
            raise out_of_range(fact("an ensemble"), option("robust"), place("robust"), expected, fix=fix)
        robust_of(options, prepared)  # refuses what does not fit the data
    return Folds(options, prepared) if is_ensemble(options, has_images) else SplitRows(options, prepared)


def _quick(robust: str) -> str:
    """Return the options of one network, with a robust training if one is named."""
    quick = "--quick" if is_on_command_line() else "quick=True"
    space = " " if is_on_command_line() else ", "
    return f"{quick}{space}{option('robust', robust)}" if robust else quick


def prepare_data(options: Options, table: Table | None = None, test: Table | None = None) -> PreparedData:
    """Read and prepare the data of a training.

    Args:
        table: the rows, if they are not in the file of the options.
        test: the test rows, if they are not in the file of the options.

    Raises:
        DataError: as the functions of ``chainrule.data``. TrainingError E591: a private training.
    """
    refuse_private(options)
    table = drop_columns(read_rows(options.data, options) if table is None else table, options.drop)
    if options.test and test is None:
        test = read_rows(options.test, options)
    return PreparedData.of(
        table,
        options.target or None,
        task=options.task or None,
        kinds=options.kinds,
        seed=options.seed,
        division=options.division,
        positive=options.positive,
        ids=options.id,
        weight=options.weight,
        test=test,
        fractions=_fractions(options, table),
    )


def is_image_source(data: str) -> bool:
    """Return whether the data are images: a folder, or a named data set not read as a table of pixels."""
    return os.path.isdir(data) or (data in IMAGE_SETS and data not in TARGETS)


def is_ensemble(options: Options, has_images: bool) -> bool:
    """Return whether an ensemble over folds is trained."""
    return options.net == ENSEMBLE and not options.quick and not has_images


def _fractions(options: Options, table: Table) -> tuple[float, float, float]:
    """Return the fractions of training, validation and test rows.

    An ensemble divides its training rows into folds; without a requested split, cross-validation
    scores it, and no rows are set aside.
    """
    if not is_ensemble(options, bool(table.images)):
        return FRACTIONS
    return (0.8, 0.0, 0.2) if options.split else (1.0, 0.0, 0.0)


def read_rows(path: str, options: Options) -> Table:
    """Read a table, or a folder of images with the size of the options."""
    if not path:
        raise DataError(
            "E302", where=command(), name="data", expected=fact("a file"), received=fact("rows in memory")
        )
    if not os.path.isdir(path):
        return read_source(path, options.reading)
    options.reading.require_only((), path, fact("a folder of images"))
    return read_images(path, options.size or None, damaged=options.damaged)


def drop_columns(table: Table, columns: tuple[str, ...]) -> Table:
    """Return the table without some columns; E313 suggests the closest name."""
    unknown = [name for name in columns if name not in (*table.columns, *table.unusable)]
    if unknown:
        raise DataError(
            "E313",
            where=place("drop"),
            name='", "'.join(unknown),
            expected=", ".join(table.columns[:12]),
            fix=option("drop", close) if (close := nearest(unknown[0], table.columns)) else "",
        )
    unusable = {name: content for name, content in table.unusable.items() if name not in columns}
    frame = table.frame.drop([name for name in columns if name in table.columns])
    return replace(table, frame=frame, unusable=unusable)


NEEDS_CLASSES = ("trades", "interval")
WARMUP, RAMP = 0.05, 0.5  # shares of all steps of interval training


def robust_of(options: Options, prepared: PreparedData) -> RobustTraining | None:
    """Return the robust training of the options, if any (E102: regression, or a radius out of range)."""
    if not options.robust:
        return None
    if options.robust in NEEDS_CLASSES and not prepared.task.is_classification:
        where = place("robust")
        expected = fact("classes")
        fix = option("robust", "adversarial")
        raise UsageError(
            "E102", where=where, name=options.robust, expected=expected, received=prepared.task.kind, fix=fix
        )
    radius = radius_of(options.radius, command())
    if has_pixels(prepared) and radius > 1:
        expected = fact("pixels from 0 to 1, or N/255")
        fix = option("radius", f"{options.radius}/255" if radius <= 255 else "8/255")
        raise out_of_range(options.radius, option("radius"), place("radius"), expected, fix=fix)
    if options.robust == "interval":
        steps = options.epochs * math.ceil(len(prepared.training.y) / options.batch_size)
        return IntervalTraining(radius, warmup=int(WARMUP * steps), ramp=max(int(RAMP * steps), 1))
    kinds = {"adversarial": AdversarialTraining, "trades": TRADES, "noise": NoiseTraining}
    return kinds[options.robust](radius)


def has_pixels(prepared: PreparedData) -> bool:
    """Return whether the inputs are images, whose radius is in pixels from 0 to 1."""
    return len(prepared.preparation.shape) > 1


def patience_of(options: Options) -> int:
    """Return epochs without improvement before early stopping; 0 disables it.

    The loss of interval training rises with the radius, so the epoch of the smallest loss is one of a small
    radius; early stopping would return to it.
    """
    return 0 if options.robust == "interval" else options.patience


def optimizer_of(options: Options) -> Optimizer:
    """Return the optimizer of the options."""
    optimizer_class: Any = OPTIMIZERS[options.optimizer]  # all have a learning rate
    return optimizer_class(learning_rate=options.schedule)


def weighted_rows(options: Options, prepared: PreparedData, rows: PreparedRows) -> np.ndarray | None:
    """Return the weight of each row, (N,), if requested with class weights; ``None``: all are 1.

    Validation rows have these weights, too: without them, the validation loss of a network that is trained on
    balanced classes would grow from the first epoch on, since its probabilities are those of balanced
    classes. The classes are counted in the training rows.
    """
    if not options.class_weight:
        return rows.weights
    training, classes = prepared.training, len(prepared.preparation.labels)
    counts = np.bincount(training.y, minlength=classes)
    balanced = (len(training.y) / (classes * np.maximum(counts, 1)))[rows.y]
    return balanced if rows.weights is None else balanced * rows.weights


def odds_factor(options: Options, prepared: PreparedData) -> float:
    """Return by how much class weights multiply the odds of the second of two classes; 1 without them."""
    counts = np.bincount(prepared.training.y) if options.class_weight else np.ones(2)
    return float(counts[0] / counts[1]) if len(counts) == 2 and counts.all() else 1.0


def common_arguments(options: Options, prepared: PreparedData) -> dict[str, Any]:
    """Return the arguments of ``fit`` that do not depend on the plan."""
    return {
        "seed": options.seed,
        "metrics": (PRIMARY_METRIC[prepared.task.kind], *options.metric),  # the others only at the end
    }


def with_preparation(state: ModelState, preparation: Preparation) -> ModelState:
    """Return an untrained model with a preparation, whose labels are declared if they are not sorted."""
    labels = preparation.labels
    classes = {"": labels} if list(labels) != sorted(labels) else {}
    return replace(state, preparation=preparation, classes=classes)


def fitted(model: Model, x: np.ndarray, y: np.ndarray, options: dict[str, Any]) -> Model:
    """Train a model without progress, probes and diagnosis."""
    model.fit(x, y, **options, verbose=False, doctor=False, probes=False)
    return model


def _test_rows(prepared: PreparedData, training: PreparedRows, known: np.ndarray) -> ScoredRows:
    """Return the test rows, of which some have the inputs of a training row: ``known``."""
    fits = [(training, np.arange(len(prepared.test.y)))]
    output, count = (lambda model, x, rows: model_output(model, x)), int(known.sum())
    return ScoredRows(prepared.test, prepared.test_rows, output, fits, count)


def _places(options: Options) -> ModelOptions:
    """Return how a model is computed, for ``Model``; unknown names are refused there."""
    engine = cast(EngineName | None, options.engine or None)
    return {"engine": engine, "precision": cast(PrecisionName | None, options.precision or None)}


@frozen(eq=False)
class SplitRows:
    """One network, trained on a part of the rows; validation rows stop it, test rows score it."""

    options: Options
    prepared: PreparedData

    @property
    def epochs(self) -> int:
        return self.options.epochs

    def model(self) -> Model:
        options, prepared = self.options, self.prepared
        net = net_from_text(NET if options.net == ENSEMBLE else options.net, prepared.head.outputs)
        if len(prepared.preparation.shape) > 1 and isinstance(net.layers[0], Dense | Dropout):
            net = Sequential(Flatten(), *net.layers)  # images, for layers that take flat inputs
        penalty = L2(options.penalty) if options.penalty else None
        loss, optimizer, places = prepared.head.loss, optimizer_of(options), _places(options)
        model = Model(net, loss, optimizer, penalty=penalty, **places)
        return Model.of(with_preparation(model.state, prepared.preparation))

    def fit_options(self) -> dict[str, Any]:
        options, prepared = self.options, self.prepared
        validation, patience = prepared.validation, patience_of(options)
        of_validation = weighted_rows(options, prepared, validation)
        weights = () if of_validation is None else (of_validation,)
        return {
            **common_arguments(options, prepared),
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "sample_weight": weighted_rows(options, prepared, prepared.training),
            "validation": (validation.x, prepared.labels(validation), *weights),
            "callbacks": [EarlyStopping(patience=patience)] if patience else [],
            "robust": robust_of(options, prepared),
            "augmentation": data.augmentation_from_text(options.augment) if options.augment else None,
        }

    @property
    def row_use(self) -> RowUse:
        training, validation, test = self.prepared.parts.sizes
        division = self.options.division
        return RowUse(
            self.prepared.table.rows,
            training,
            validation,
            test,
            self.options.seed,
            way=division.way,
            column=division.column,
            file=self.options.test,
            stops=patience_of(self.options) > 0,
        )

    @property
    def used(self) -> dict[str, Any]:
        return {"net": NET} if self.options.net == ENSEMBLE else {}

    @property
    def kinds(self) -> tuple[str, ...]:
        return ()

    def trained_on(self, rows: np.ndarray) -> Model:
        training, options = self.prepared.training, self.fit_options()
        weights = options["sample_weight"]
        options |= {"sample_weight": None if weights is None else weights[rows]}
        return fitted(self.model(), training.x[rows], self.prepared.labels(training.take(rows)), options)

    @property
    def scored(self) -> ScoredRows:
        return self._scored

    @cached_property
    def _scored(self) -> ScoredRows:
        prepared = self.prepared
        known, tested = (
            row_digests(table, prepared.preparation.columns)
            for table in (prepared.table.take(prepared.parts.train), prepared.test_rows)
        )
        return _test_rows(prepared, prepared.training_and_validation, np.isin(tested, known))

    def held_out(self, model: Model) -> HeldOutRows:
        rows, table = self.prepared.validation, self.prepared.table.take(self.prepared.parts.validation)
        return HeldOutRows(rows, table, model_output(model, rows.x) if len(rows.y) else np.zeros((0, 1)))


BASELINE_FITS = 5  # fits of each baseline in cross-validation
MIN_ROWS = 8  # different rows of an ensemble
OVERRIDES = ("epochs", "batch_size", "learning_rate", "patience", *OF_ENSEMBLE)
"""Options that replace values of the recipe."""


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
        recipe, distinct = recipe_for(*self.prepared.training.x.shape), len(np.unique(self._units))
        if self.prepared.task.is_classification:
            counts = np.bincount(self.prepared.training.y)
            rarest = int(counts[counts > 0].min())
            if self._is_cross_validated:
                recipe = scoring_rare_classes(recipe, rarest)
            if options.class_weight:
                recipe = balancing_rare_classes(recipe, rarest / counts.sum())
        if distinct < MIN_ROWS and self._groups is None:
            expected = fact("at least {count} rows", count=MIN_ROWS)
            received = fact("{count} rows", count=distinct)
            fix = fact("add rows")
            raise DataError(
                "E331", where=self.prepared.table.source, expected=expected, received=received, fix=fix
            )
        count = min(recipe.folds, max(MIN_FOLDS, distinct))
        return replace(recipe, folds=count, members=min(recipe.members, count), **passed)

    @cached_property
    def _table(self) -> Table:
        """The cells of the training rows."""
        return self.prepared.table.take(self.prepared.parts.train)

    @cached_property
    def _digests(self) -> np.ndarray:
        """The digest of each training row over which folds are drawn, (N,); copies of a row share a fold."""
        columns = (row_digests(self._table, [name]) for name in self.prepared.preparation.columns)
        return unit_digests(self._inputs, self.prepared.training.y, columns)

    @cached_property
    def _inputs(self) -> np.ndarray:
        """The digest of the inputs of each training row, (N,)."""
        return row_digests(self._table, self.prepared.preparation.columns)

    @cached_property
    def _groups(self) -> np.ndarray | None:
        """The group of each training row, (N,), whose rows share a fold; ``None``: there are none."""
        division = self.options.division
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
        head, rows = self.prepared.head, self.prepared.training
        weights = weighted_rows(self.options, self.prepared, rows)
        return EnsembleTraining(self.recipe, self.cross_validation, rows.x, head.outputs, head.loss, weights)

    @cached_property
    def _weights(self) -> Memo:
        """The weights of the kinds of members for the rows of each fold, by model."""
        return Memo(1)

    @property
    def epochs(self) -> int:
        return self.recipe.epochs

    def model(self) -> Model:
        return self._model(self.training)

    def _model(self, training: EnsembleTraining) -> Model:
        options = self.options
        state = training.model(**_places(options))
        recipe = state.recipe
        if options.is_passed("optimizer"):
            recipe = replace(recipe, optimizer=optimizer_of(options))
        if options.is_passed("penalty"):
            recipe = replace(recipe, penalty=L2(options.penalty) if options.penalty else None)
        return Model.of(with_preparation(replace(state, recipe=recipe), self.prepared.preparation))

    def fit_options(self) -> dict[str, Any]:
        labels = self.prepared.labels(self.prepared.training)
        return {**common_arguments(self.options, self.prepared), **self.training.fit_options(labels)}

    @property
    def row_use(self) -> RowUse:
        recipe, (training, validation, test) = self.recipe, self.prepared.parts.sizes
        division = self.options.division
        return RowUse(
            self.prepared.table.rows,
            training,
            validation,
            test,
            self.options.seed,
            recipe.folds,
            recipe.members * len(recipe.groups),
            len(self.cross_validation.scored),
            division.way,
            division.column,
            self.options.test,
        )

    @property
    def used(self) -> dict[str, Any]:
        recipe, options = self.recipe, self.options
        values: dict[str, Any] = {name: getattr(recipe, name) for name in OVERRIDES}
        values |= {"optimizer": "adamw", "penalty": 0.0}
        if options.is_passed("optimizer"):  # with its own learning rate, and without decay
            values |= {"learning_rate": options.learning_rate}
        return {name: value for name, value in values.items() if not options.is_passed(name)}

    def _out_of_fold(self, model: Model, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the output for training rows by the members that they did not influence."""
        plan, training = self.cross_validation, self.prepared.training
        chosen = replace(plan, folds=plan.folds[plan.scored[rows]])
        labels = self.prepared.labels(training)
        weights = self._weights(
            model.state, lambda: fold_weights(model.state, training.x, labels, self.training)
        )
        output = out_of_fold(model.state, x, chosen, weights)[1]
        return output if self.prepared.task.is_classification else output.reshape(-1, 1)

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.recipe.groups

    def trained_on(self, rows: np.ndarray) -> Model:
        part = self.prepared.training.take(rows)
        plan = replace(self.cross_validation, folds=self.cross_validation.folds[rows])
        weights = weighted_rows(self.options, self.prepared, part)
        training = replace(self.training, plan=plan, x=part.x, weights=weights)
        labels = self.prepared.labels(part)
        options = common_arguments(self.options, self.prepared) | training.fit_options(labels)
        return fitted(self._model(training), part.x, labels, options)

    @property
    def _is_cross_validated(self) -> bool:
        return not self.prepared.parts.sizes[2]

    @property
    def scored(self) -> ScoredRows:
        return self._scored

    @cached_property
    def _scored(self) -> ScoredRows:
        prepared, plan = self.prepared, self.cross_validation
        if not self._is_cross_validated:
            known = np.isin(row_digests(prepared.test_rows, prepared.preparation.columns), self._inputs)
            return _test_rows(prepared, prepared.training, known)
        return ScoredRows(
            prepared.training.take(plan.scored),
            self._table.take(plan.scored),
            self._out_of_fold,
            self._baseline_fits(),
            known_inputs=self._known_inputs(),
            folds=min(self.recipe.members, BASELINE_FITS),
        )

    def _known_inputs(self) -> int:
        """Return the number of scored rows with the inputs of a row of another fold."""
        fold, of_row = self.cross_validation.folds, np.unique(self._inputs, return_inverse=True)[1]
        low, high = np.full(len(fold), len(fold)), np.full(len(fold), -1)
        np.minimum.at(low, of_row, fold)
        np.maximum.at(high, of_row, fold)
        return int((low < high)[of_row][self.cross_validation.scored].sum())

    def _baseline_fits(self) -> Sequence[tuple[PreparedRows, np.ndarray]]:
        """Return some fits of each baseline, in which several folds are predicted together."""
        training, fold = self.prepared.training, self.cross_validation.folds
        group = np.where(fold < self.recipe.members, fold % BASELINE_FITS, -1)
        scored = group[self.cross_validation.scored]
        return [
            (training.take(np.flatnonzero(group != number)), np.flatnonzero(scored == number))
            for number in range(min(self.recipe.members, BASELINE_FITS))
        ]

    def held_out(self, model: Model) -> HeldOutRows:
        scored = self.cross_validation.scored
        rows = self.prepared.training.take(scored)
        output = self._out_of_fold(model, rows.x, np.arange(len(rows.y)))
        return HeldOutRows(rows, self._table.take(scored), output)
