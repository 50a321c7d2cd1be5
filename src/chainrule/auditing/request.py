"""The audit of a model in memory: its outputs for rows of its training and for others; shadow trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.auditing.membership import Candidates, MembershipResult, Trainer, attack_membership
from chainrule.errors import fact
from chainrule.train.evaluation.prediction import predict_proba
from chainrule.train.evaluation.rows import NetworkRows
from chainrule.train.fit import fit
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData
from chainrule.train.private.privacy import Privacy
from chainrule.train.private.privacy_spent import PrivacySpent
from chainrule.uncertainty.calibration import labeled_probabilities
from chainrule.validation import language, out_of_range, random_seed

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


def audit_membership(
    model: ModelState,
    members: Any,
    others: Any,
    *,
    shadows: int = 0,
    epochs: int | None = None,
    seed: int = 0,
    lang: str | None = None,
) -> MembershipResult:
    """Return how well rows of the training are distinguished from others; see ``Model.audit_membership``."""
    seed, lang = random_seed(seed, "audit_membership"), language(lang, "audit_membership")
    sides = [_pair(members, "members"), _pair(others, "others")]
    parts, outputs = zip(
        *(labeled_probabilities(model, *side, where="audit_membership") for side in sides), strict=True
    )
    labels = np.concatenate([part.labels for part in parts])
    candidates = Candidates(labels, np.repeat([True, False], [part.count for part in parts]), True)
    output = np.concatenate(outputs)
    trainer = (
        _trainer(model, parts, shadow_options(model, epochs, seed), output.shape[1]) if shadows else None
    )
    return attack_membership(output, candidates, trainer, shadows=shadows, seed=seed, lang=lang)


def _pair(rows: Any, name: str) -> tuple[Any, Any]:
    """Return samples and labels.

    Raises:
        UsageError E102: neither a pair of samples and labels, nor a table.
    """
    if isinstance(rows, tuple) and len(rows) == 2:
        return rows
    if isinstance(rows, tuple | list | np.ndarray) or rows is None:
        expected = fact("a pair of samples and labels, or a table")
        raise out_of_range(type(rows).__name__, name, "audit", expected, fix=f"{name}=(x, y)")
    return rows, None


def shadow_options(model: ModelState, epochs: int | None, seed: int) -> FitOptions:
    """Return how each shadow model is trained: as the model was, with the same privacy."""
    spent = PrivacySpent.of(model.facts)
    privacy = None if spent is None else Privacy(spent.epsilon, spent.delta, spent.max_norm)
    return FitOptions.repeated(model.facts, epochs, seed, privacy=privacy)


def _trainer(model: ModelState, parts: Sequence[NetworkRows], options: FitOptions, classes: int) -> Trainer:
    """Return the function that trains on some of the rows and predicts all."""
    x = {name: np.concatenate([part.x[name] for part in parts]) for name in parts[0].x}
    labels = np.concatenate([part.labels for part in parts])
    start = replace(model, preparation=None, is_given=False, classes={})

    def train(rows: np.ndarray, seed: int) -> np.ndarray:
        data = TrainingData({name: array[rows] for name, array in x.items()}, labels[rows])
        trained = fit(start, data, replace(options, seed=seed))
        predicted: Any = predict_proba(trained, x)
        output = np.zeros((len(labels), classes))
        columns = np.array(trained.labels, np.int64)
        output[:, columns] = predicted[:, : len(columns)]
        return output

    return train
