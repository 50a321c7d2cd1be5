"""One training from its options to its RUN folder: the net, its rivals, the judgment, the files.

Every file is a function of the options and the data, with no time, path or machine in it; so an interrupted
training that was resumed leaves the very bytes an undisturbed one would have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from chainrule import data
from chainrule.apps.cli.options import Options
from chainrule.apps.cli.prepared_data import Part, Study
from chainrule.apps.cli.run_paths import HISTORY, MODEL
from chainrule.diagnosis import Doctor
from chainrule.errors import DataError, UsageError
from chainrule.escaping import csv_text
from chainrule.events import Event, Notice, TrainingEnded
from chainrule.model import Model
from chainrule.nn import L2, OPTIMIZERS, Flatten, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName
from chainrule.store import RunFolder
from chainrule.train.callback import Histograms
from chainrule.train.checkpoint.model_file import save as save_model
from chainrule.train.evaluation.baseline import baselines
from chainrule.train.evaluation.metric import (
    PRIMARY_METRIC,
    Predictions,
    default_metrics,
    resolve_metrics,
    score,
)
from chainrule.train.stopping import EarlyStopping

SHOWN = {
    "classification": ("accuracy", "balanced_accuracy", "f1", "roc_auc"),
    "regression": ("r2", "rmse", "mae"),
}


@frozen
class Rating:
    """How good one answer is on the held-out rows."""

    name: str
    values: dict[str, float]


@dataclass
class Watcher:
    """Remembers how a training ended and what it had to say."""

    end: TrainingEnded | None = None
    notices: list[Notice] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrainingEnded):
            self.end = event
        elif isinstance(event, Notice):
            self.notices.append(event)

    @property
    def was_interrupted(self) -> bool:
        """Whether someone asked the training to stop."""
        return self.end is not None and self.end.reason == "interrupted"


def model_of(options: Options, study: Study) -> Model:
    """The untrained net for a study, its parameters drawn.

    Raises:
        DataError E354: changes for images, and other data.
        UsageError E101, E102: a word of ``--net`` or a setting that does not exist. UsageError E108: class
            weights for values.
    """
    if options.class_weight and not study.task.is_classification:
        raise UsageError("E108", where="--class-weight", expected="classes", received=study.task.kind)
    if options.augment and len(study.preparation.shape) < 2:
        raise DataError("E354", where="--augment", expected="a folder of images", received=options.data)
    net = net_from_text(options.net, study.outputs)
    if len(study.preparation.shape) > 1:  # images: the words of --net begin with all pixels in a row
        net = Sequential(Flatten(), *net.layers)
    make: Any = OPTIMIZERS[options.optimizer]  # each of them has a rate
    optimizer = make(learning_rate=options.learning_rate)
    resolve_metrics(options.metric, [study.task.kind])
    penalty = L2(options.penalty) if options.penalty else None
    engine = cast(EngineName | None, options.engine or None)  # an unknown engine is refused
    model = Model(net, study.loss, optimizer, penalty=penalty, engine=engine)
    return Model.of(replace(model.state, preparation=study.preparation))


def teach(model: Model, options: Options, study: Study, folder: RunFolder, resume: bool) -> Watcher:
    """Train, or go on with a training, saving checkpoints in the folder.

    Raises:
        TrainingError E501: the loss is no finite number.
        FileError E505: the training to go on with was on other data.
    """
    watcher = Watcher()
    counts = [Histograms(every=options.histograms)] if options.histograms else []
    asked = lesson(options, study)
    asked["callbacks"] = [*asked["callbacks"], watcher, *counts, Doctor()]
    asked["metrics"] = (
        PRIMARY_METRIC[study.task.kind],
        *options.metric,
    )  # few while training; the model measures all
    model.fit(study.training.x, named(study, study.training), **asked, run=folder, resume=resume)
    return watcher


def lesson(options: Options, study: Study) -> dict[str, Any]:
    """What ``fit`` is asked for: everything that decides how the training goes."""
    return {
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "validation": (study.validation.x, named(study, study.validation)),
        "seed": options.seed,
        "callbacks": [EarlyStopping(patience=options.patience)] if options.patience else [],
        "class_weight": options.class_weight or None,
        "augmentation": data.augmentation_from_text(options.augment) if options.augment else None,
    }


def named(study: Study, part: Part) -> np.ndarray:
    """The targets as a person calls them: labels, or standardized values."""
    return np.array(study.preparation.labels)[part.y] if study.task.is_classification else part.y


def ratings(model: Model, study: Study, options: Options) -> list[Rating]:
    """The net beside its rivals, all on the held-out rows; the rivals learn from all other rows."""
    known = study.known
    classes = len(study.preparation.labels)
    weights = None
    if options.class_weight:
        counts = np.bincount(known.y, minlength=classes)
        weights = len(known.y) / (classes * counts[known.y])
    rivals = baselines(known.flat, known.y, classes, weights)
    answers = [("net", answer_of(model, study.test.x))]
    answers += [(rival.name, rival.predict(study.test.flat)) for rival in reversed(rivals)]
    names = measured(study.task.kind, options.metric)
    return [Rating(name, score(judgeable(model, study.test.y, answer), names)) for name, answer in answers]


def measured(kind: str, also: Sequence[str]) -> list[str]:
    """The names of what is measured of a task: the usual metrics, and those asked for.

    Raises:
        UsageError E101: no such metric of this task.
    """
    return [each.label for each in (*default_metrics(kind), *resolve_metrics(also, [kind]))]


def answer_of(model: Model, x: np.ndarray) -> np.ndarray:
    """Probabilities (N, K), or standardized values (N, 1)."""
    if model.task == "classification":
        return np.asarray(model.predict_proba(x))
    return np.asarray(model(x)).reshape(-1, 1)


def judgeable(model: Model, y: np.ndarray, answer: np.ndarray) -> Predictions:
    """Targets beside answers; values in the units of the target's column.

    Args:
        model: knows the preparation.
        y: (N,) class numbers or standardized values.
        answer: (N, K) probabilities, or (N, 1) standardized values.
    """
    assert model.preparation is not None
    if model.task == "classification":
        return Predictions(y, answer, None, "classification")
    restore = model.preparation.restore
    return Predictions(restore(y).reshape(-1, 1), restore(answer), None, "regression")


def keep_facts(model: Model, options: Options, study: Study, rated: list[Rating]) -> None:
    """Add to the facts in the model file what the command line knows of the training."""
    facts: dict[str, Any] = {
        "data": study.table.source,
        "fingerprint": study.table.fingerprint,
        "target": study.task.target,
        "split": dict(zip(("training", "validation", "test"), study.parts.sizes, strict=True)),
        "result": {r.name: {k: v if np.isfinite(v) else None for k, v in r.values.items()} for r in rated},
        "command": options.command(),
    }
    if study.task.is_classification:
        counts = np.bincount(study.training.y, minlength=len(study.preparation.labels))
        facts["majority"] = int(np.argmax(counts))
    model.adopt(replace(model.state, facts={**model.facts, **facts}))


def save(model: Model, folder: RunFolder, page: str, page_name: str) -> None:
    """Write the RUN's files; the checkpoints go last, so that a kill between two files can be resumed."""
    folder.verify()
    save_model(model.state, folder.path / MODEL, within=folder.path)
    folder.write_text(HISTORY, history_text(model.history))
    folder.write_text(page_name, page)
    folder.delete_checkpoints()


def history_text(history: list[dict[str, float | None]]) -> str:
    """The history as CSV; every number with all its digits."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    rows = (["" if row.get(key) is None else row[key] for key in columns] for row in history)
    return csv_text([columns, *rows])
