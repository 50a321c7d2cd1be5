"""A training of an ensemble over the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from chainrule import data
from chainrule.apps.cli.fit_arguments import common_arguments, fitted, optimizer_of
from chainrule.apps.cli.model_output import model_output
from chainrule.apps.cli.options import OF_ENSEMBLE, Options
from chainrule.apps.cli.row_use import RowUse
from chainrule.data import PreparedData, Table
from chainrule.data.tables.folds import folds, row_digests, unit_digests
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.errors import DataError, fact
from chainrule.memo import Memo, cached_property
from chainrule.model import Model
from chainrule.nn import L2
from chainrule.records import frozen
from chainrule.settings import EngineName
from chainrule.train.ensemble import (
    MIN_FOLDS,
    CrossValidation,
    EnsembleTraining,
    TabularRecipe,
    fold_weights,
    out_of_fold,
    recipe_for,
)

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
        """The digest of each training row over which folds are drawn, (N,); copies of a row share a fold."""
        return unit_digests(self._inputs, self.prepared.training.y)

    @cached_property
    def _inputs(self) -> np.ndarray:
        """The digest of the inputs of each training row, (N,)."""
        return row_digests(self._table, self.prepared.preparation.columns)

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

    @cached_property
    def _weights(self) -> Memo:
        """The weights of the kinds of members for the rows of each fold, by model."""
        return Memo(1)

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
            recipe = replace(recipe, optimizer=optimizer_of(options))
        if options.is_passed("penalty"):
            recipe = replace(recipe, penalty=L2(options.penalty) if options.penalty else None)
        return Model.of(replace(state, recipe=recipe, preparation=self.prepared.preparation))

    def fit_options(self) -> dict[str, Any]:
        labels = self.prepared.labels(self.prepared.training)
        return {**common_arguments(self.options, self.prepared), **self.training.fit_options(labels)}

    @property
    def row_use(self) -> RowUse:
        recipe, (training, validation, test) = self.recipe, self.prepared.parts.sizes
        division = data.Division.parse(self.options.split or "random")
        return RowUse(
            self.prepared.table.rows, training, validation, test, self.options.seed, recipe.folds,
            recipe.members * len(recipe.groups), len(self.cross_validation.scored), division.way,
            division.column, self.options.test,
        )  # fmt: skip

    @property
    def used(self) -> dict[str, Any]:
        recipe, options = self.recipe, self.options
        values: dict[str, Any] = {name: getattr(recipe, name) for name in OVERRIDES}
        values |= {"optimizer": "adamw", "penalty": 0.0}
        if options.is_passed("optimizer"):  # with its own learning rate, and without decay
            values |= {"learning_rate": options.learning_rate}
        return {name: value for name, value in values.items() if not options.is_passed(name)}

    @property
    def is_cross_validated(self) -> bool:
        return not self.prepared.parts.sizes[2]

    @property
    def scored(self) -> PreparedRows:
        return self._scored

    @property
    def known_inputs(self) -> int:
        if not self.is_cross_validated:
            columns = self.prepared.preparation.columns
            return int(np.isin(row_digests(self.prepared.test_rows, columns), self._inputs).sum())
        fold, of_row = self.cross_validation.folds, np.unique(self._inputs, return_inverse=True)[1]
        low, high = np.full(len(fold), len(fold)), np.full(len(fold), -1)
        np.minimum.at(low, of_row, fold)
        np.maximum.at(high, of_row, fold)
        return int((low < high)[of_row][self.cross_validation.scored].sum())

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

    def held_out(self, model: Model) -> tuple[PreparedRows, np.ndarray]:
        rows = self.prepared.training.take(self.cross_validation.scored)
        return rows, self._out_of_fold(model, rows.x, np.arange(len(rows.y)))

    @property
    def held_out_table(self) -> Table:
        return self._table.take(self.cross_validation.scored)

    def trained_on(self, rows: np.ndarray) -> Model:
        part = self.prepared.training.take(rows)
        plan = replace(self.cross_validation, folds=self.cross_validation.folds[rows])
        training = replace(self.training, plan=plan, x=part.x, weights=part.weights)
        labels = self.prepared.labels(part)
        options = common_arguments(self.options, self.prepared) | training.fit_options(labels)
        return fitted(self._model(training), part.x, labels, options)

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
