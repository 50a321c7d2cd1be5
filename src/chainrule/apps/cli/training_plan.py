"""What a training does with the rows of a table: one network on a split, or an ensemble over folds.

Both have the same parts: the untrained model, the arguments of ``fit``, and the rows that are scored with the
predictions for them. The rest of the command does not depend on which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from chainrule.apps.cli.fold_plan import Folds
from chainrule.apps.cli.options import OF_ENSEMBLE, Options
from chainrule.apps.cli.robust_options import robust_of
from chainrule.apps.cli.row_use import RowUse
from chainrule.apps.cli.split_plan import SplitRows
from chainrule.apps.cli.table_of_options import is_ensemble
from chainrule.data import PreparedData, Table
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.errors import DataError, UsageError, fact
from chainrule.model import Model
from chainrule.train.evaluation.metric import resolve_metrics


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
    def row_use(self) -> RowUse:
        """How the rows are used."""
        ...

    @property
    def used(self) -> dict[str, Any]:
        """The values of options that the training uses and that the user did not pass."""
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
    def known_inputs(self) -> int:
        """The number of scored rows with the inputs of a row that their networks are trained on."""
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

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the networks, in the order of their weights; empty for a single network."""
        ...

    def held_out(self, model: Model) -> tuple[PreparedRows, np.ndarray]:
        """Rows outside the training, possibly none, and the model's output; never test rows of a split."""
        ...

    @property
    def held_out_table(self) -> Table:
        """The cells of the rows of ``held_out``."""
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
    passed = [name for name in OF_ENSEMBLE if options.is_passed(name)]
    if passed and not is_ensemble(options, has_images):
        name = f"--{passed[0].replace('_', '-')}"
        raise UsageError(
            "E102", where=name, name=passed[0], expected=fact("an ensemble"),
            received=fact("a single network"), fix=fact("leave out {names}", names=name),
        )  # fmt: skip
    if options.robust:
        if is_ensemble(options, has_images):
            raise UsageError(
                "E102", where="--robust", name="--robust", expected=fact("a single network"),
                received=fact("an ensemble"), fix=f"--quick --robust {options.robust}",
            )  # fmt: skip
        robust_of(options, prepared)  # refuses what does not fit the data
    return Folds(options, prepared) if is_ensemble(options, has_images) else SplitRows(options, prepared)
