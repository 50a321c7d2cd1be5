"""The status of a training: what ``train``, ``show``, the report and the model card state about it.

Everything is read from the trained model, which stores it as it was when the training ended.
"""

from __future__ import annotations

import numpy as np

from chainrule.apps.cli.row_use import Pair, RowUse
from chainrule.apps.cli.texts import WORDS, both_texts, text_in
from chainrule.messages import LANGUAGES
from chainrule.model import Model
from chainrule.train.evaluation.group_weights import weighted_mean
from chainrule.train.training_facts import EARLY_STOPPED, TrainingFacts

KINDS = "kinds"  # fact of a model: the kinds of the networks of an ensemble, in their order


def status_of(model: Model) -> list[tuple[Pair, Pair]]:
    """The facts of a training, each with its name, in English and Chinese.

    Args:
        model: the trained model, also of a file.
    """
    facts, training, use = model.facts, TrainingFacts.of(model.facts), RowUse.of(model.facts)
    named = [name for name in ("data", "target") if isinstance(facts.get(name), str)]
    values: list[tuple[str, Pair]] = [(f"fact_{name}", _same(facts[name])) for name in named]
    if use is not None:
        values += [("fact_rows", _same(f"{use.rows:,}")), ("fact_split", use.sentence)]
    elif training is not None:
        values.append(("fact_training_rows", _same(f"{training.rows:,}")))
    if training is not None:
        values += [
            ("fact_epochs", _same(f"{training.epochs} / {training.max_epochs}")),
            ("fact_best", kept_epochs(training)),
            ("fact_steps", _same(f"{training.steps:,}")),
            (
                "fact_batch_size",
                _same(training.batch_size) if training.batch_size else both_texts("all_rows"),
            ),
            ("fact_seed", _same(training.seed)),
        ]
    if (spent := model.privacy_spent) is not None:
        values.append(("fact_privacy", (spent.text("en"), spent.text("zh"))))
    if weights := weights_of_kinds(model):
        values.append(("fact_kinds", weights))
    if isinstance(facts.get("fingerprint"), str):
        values.append(("fact_fingerprint", _same(facts["fingerprint"][:16])))
    return [(both_texts(key), value) for key, value in values]


def ending(model: Model) -> Pair:
    """How the training ended, and which weights were restored, if any."""
    training = TrainingFacts.of(model.facts)
    assert training is not None
    reason = "early_stopping" if training.ended in EARLY_STOPPED else training.ended
    restored = "kept_epoch" if training.is_restored else "kept_last"
    weights = "kept_members" if training.member_epochs else restored if training.keeps_best else "kept_all"
    values = {"epochs": training.epochs, "best": training.best_epoch}
    parts = zip(both_texts(f"end_{reason}"), both_texts(weights), strict=True)
    english, chinese = ((end + rest).format(**values) for end, rest in parts)
    return english, chinese


def kept_epochs(training: TrainingFacts) -> Pair:
    """The epochs whose weights a model has."""
    low, high = training.kept_epochs or (0, 0)
    if not training.member_epochs:
        key = "weights_of_epoch" if training.keeps_best else "weights_of_last"
    else:
        key = "weights_of_members" if low < high else "weights_of_all_members"
    english, chinese = (text.format(low=low, high=high) for text in both_texts(key))
    return english, chinese


def weights_of_kinds(model: Model) -> Pair | None:
    """The weight of each kind of networks in the prediction of an ensemble; ``None`` without kinds."""
    kinds, network = model.facts.get(KINDS), model.network
    averaging = None if network is None else weighted_mean(network)
    if averaging is None or not isinstance(kinds, list):
        return None
    weights = np.asarray(model.state.states[f"{averaging[0]}.weights"], np.float64).tolist()
    if len(kinds) != len(weights) or not all(f"kind_{kind}" in WORDS for kind in kinds):
        return None
    english, chinese = (
        text_in("kinds_joined", lang).join(
            f"{text_in(f'kind_{kind}', lang)} {weight:.2f}"
            for kind, weight in zip(kinds, weights, strict=True)
        )
        for lang in LANGUAGES
    )
    return english, chinese


def _same(value: object) -> Pair:
    return str(value), str(value)
