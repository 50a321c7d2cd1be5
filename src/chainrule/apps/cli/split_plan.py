"""A training of one network on a split of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from chainrule import data
from chainrule.apps.cli.fit_arguments import common_arguments, fitted, optimizer_of
from chainrule.apps.cli.model_output import model_output
from chainrule.apps.cli.options import ENSEMBLE, NET, Options
from chainrule.apps.cli.robust_options import patience_of, robust_of
from chainrule.apps.cli.row_use import RowUse
from chainrule.data import PreparedData, Table
from chainrule.data.tables.folds import row_digests
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.model import Model
from chainrule.nn import L2, Flatten, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName
from chainrule.train.stopping import EarlyStopping


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
        model = Model(net, prepared.loss, optimizer_of(options), penalty=penalty, engine=engine)
        return Model.of(replace(model.state, preparation=prepared.preparation))

    def fit_options(self) -> dict[str, Any]:
        options, prepared = self.options, self.prepared
        validation, patience = prepared.validation, patience_of(options)
        weights = () if validation.weights is None else (validation.weights,)
        return {
            **common_arguments(options, prepared),
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "sample_weight": prepared.training.weights,
            "validation": (validation.x, prepared.labels(validation), *weights),
            "callbacks": [EarlyStopping(patience=patience)] if patience else [],
            "robust": robust_of(options, prepared),
            "augmentation": data.augmentation_from_text(options.augment) if options.augment else None,
        }

    @property
    def row_use(self) -> RowUse:
        training, validation, test = self.prepared.parts.sizes
        division = data.Division.parse(self.options.split or "random")
        return RowUse(
            self.prepared.table.rows, training, validation, test, self.options.seed, way=division.way,
            column=division.column, file=self.options.test,
        )  # fmt: skip

    @property
    def used(self) -> dict[str, Any]:
        return {"net": NET} if self.options.net == ENSEMBLE else {}

    @property
    def is_cross_validated(self) -> bool:
        return False

    @property
    def scored(self) -> PreparedRows:
        return self.prepared.test

    @property
    def known_inputs(self) -> int:
        prepared = self.prepared
        known, tested = (
            row_digests(table, prepared.preparation.columns)
            for table in (prepared.table.take(prepared.parts.train), prepared.test_rows)
        )
        return int(np.isin(tested, known).sum())

    @property
    def scored_table(self) -> Table:
        return self.prepared.test_rows

    def output(self, model: Model, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return model_output(model, x)

    @property
    def kinds(self) -> tuple[str, ...]:
        return ()

    def held_out(self, model: Model) -> tuple[PreparedRows, np.ndarray]:
        rows = self.prepared.validation
        return rows, model_output(model, rows.x) if len(rows.y) else np.zeros((0, 1))

    @property
    def held_out_table(self) -> Table:
        return self.prepared.table.take(self.prepared.parts.validation)

    def trained_on(self, rows: np.ndarray) -> Model:
        training, weights = self.prepared.training, self.prepared.training.weights
        options = self.fit_options() | {"sample_weight": None if weights is None else weights[rows]}
        return fitted(self.model(), training.x[rows], self.prepared.labels(training.take(rows)), options)

    @property
    def baseline_fits(self) -> Sequence[tuple[PreparedRows, np.ndarray]]:
        return [(self.prepared.training_and_validation, np.arange(len(self.prepared.test.y)))]
