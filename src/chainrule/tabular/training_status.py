"""The status of a training: what ``train``, ``show``, the report and the model card state about it.

Everything is read from the trained model, which stores it as it was when the training ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from chainrule.messages import LANGUAGES
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.texts import WORDS, both_texts, text_in
from chainrule.texts.sentence import Pair, text_of_pair
from chainrule.train.evaluation.ensemble_weights import weighted_mean
from chainrule.train.history import EARLY_STOPPED, TrainingFacts

Notify = Callable[[str], None]
"""Receives a line about what a long computation is doing."""
KINDS = "kinds"  # fact of a model: the kinds of the networks of an ensemble, in their order


def silent(text: str) -> None:
    """Ignore a line about a computation."""
    del text


def status_of(model: Model) -> list[tuple[Pair, Pair]]:
    """Return the facts of a training, also of a file, each with its name, in English and Chinese."""
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
    """Return how the training ended, and which weights were restored, if any."""
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
    """Return the epochs whose weights a model has."""
    low, high = training.kept_epochs or (0, 0)
    if not training.member_epochs:
        key = "weights_of_epoch" if training.keeps_best else "weights_of_last"
    else:
        key = "weights_of_members" if low < high else "weights_of_all_members"
    english, chinese = (text.format(low=low, high=high) for text in both_texts(key))
    return english, chinese


def weights_of_kinds(model: Model) -> Pair | None:
    """Return the weight of each kind of networks in the prediction of an ensemble; ``None`` without kinds."""
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


SPLIT = "split"  # fact of a model: the use of the rows
WAYS = ("random", "time", "group")


@frozen
class RowUse:
    """How many rows a training uses for what.

    Args:
        rows: rows of the table.
        training, validation, test: rows of each part; an ensemble stops its networks on training rows.
        seed: the seed of the division.
        folds: folds of a cross-validation; 0 for one network.
        networks: networks of an ensemble.
        scored: training rows that are scored, each by networks that it did not influence.
        way: how the rows are divided: ``"random"``, ``"time"`` or ``"group"``.
        column: the column that divides them.
        file: the file of the test rows.
        stops: whether the validation rows decide when the training stops.
    """

    rows: int
    training: int
    validation: int
    test: int
    seed: int
    folds: int = 0
    networks: int = 0
    scored: int = 0
    way: str = "random"
    column: str = ""
    file: str = ""
    stops: bool = True

    @property
    def sentence(self) -> Pair:
        """The use of the rows, in English and Chinese."""
        key = "split" if self.stops else "split_without_stopping"
        if self.folds:
            key = "split_folds_and_test" if self.test else "split_folds"
        parts = [key]
        parts += [f"split_{self.way}"] if self.column else []
        parts += ["split_test"] if self.file else []
        parts += ["split_scored"] if self.folds and not self.test and self.scored < self.training else []
        values = {**asdict(self), "trained": self.folds - 2}
        english, chinese = (
            "".join(text_in(part, lang).format(**values) for part in parts) for lang in LANGUAGES
        )
        return english, chinese

    @property
    def text(self) -> str:
        """The use of the rows in the language of the settings."""
        return text_of_pair(self.sentence)

    @property
    def fact(self) -> dict[str, Any]:
        """The record as plain data for the facts of a model."""
        return asdict(self)

    @staticmethod
    def of(facts: Mapping[str, Any]) -> RowUse | None:
        """Return the record in the facts of a model, which may come from a file; ``None`` if there is none.

        Example:
            >>> use = RowUse(rows=150, training=96, validation=24, test=30, seed=0)
            >>> RowUse.of({SPLIT: use.fact}) == use, RowUse.of({SPLIT: {"rows": "many"}})
            (True, None)
        """
        record = facts.get(SPLIT)
        if not isinstance(record, Mapping):
            return None
        values: dict[str, Any] = {entry.name: record.get(entry.name) for entry in fields(RowUse)}
        values["stops"] = record.get("stops", True)
        types: dict[str, type] = {"way": str, "column": str, "file": str, "stops": bool}
        are_valid = [type(value) is types.get(name, int) for name, value in values.items()]
        return RowUse(**values) if all(are_valid) and values["way"] in WAYS else None


@frozen
class TableFacts:
    """What a model records of the table that it was trained on, beside the use of its rows.

    Args:
        ids: columns that identify rows.
        weight: the column of row weights; empty: none.
        group: the column whose groups divided the rows; empty: none.
        class_counts: training rows of each class, in the order of the labels; empty for regression.
    """

    ids: tuple[str, ...] = ()
    weight: str = ""
    group: str = ""
    class_counts: tuple[int, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """The entries in the facts of the model; none for what is empty."""
        lists = {"ids": list(self.ids), "class_counts": list(self.class_counts)}
        entries = {**lists, "weight": self.weight, "group": self.group}
        return {name: value for name, value in entries.items() if value}

    @staticmethod
    def of(facts: Mapping[str, Any]) -> TableFacts:
        """Return the record in the facts of a model, which may come from a file; damaged entries are empty.

        Example:
            >>> TableFacts.of({"ids": ["name"], "weight": 3, "class_counts": [2, -1]})
            TableFacts(ids=('name',), weight='', group='', class_counts=())
        """
        weight, group = (
            name if isinstance(name := facts.get(key), str) else "" for key in ("weight", "group")
        )
        ids, counts = (
            entry if isinstance(entry := facts.get(k), list) else [] for k in ("ids", "class_counts")
        )
        are_counts = all(type(count) is int and 0 <= count < 2**53 for count in counts) and sum(counts)
        names = tuple(name for name in ids if isinstance(name, str))
        return TableFacts(names, weight, group, tuple(counts) if are_counts else ())
