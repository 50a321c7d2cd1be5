"""Explanation of a recorded update of a training, with its batch, its masks and its optimizer state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.memoization import cached_property
from chainrule.notation import number
from chainrule.page.explanation import Explanation
from chainrule.page.page import Section
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.step_explanation.narrative import explain
from chainrule.step_explanation.writer import figure
from chainrule.texts import render
from chainrule.trace import Trace, TrainingPosition, trace
from chainrule.trace.symbolic_step import WEIGHTS
from chainrule.train.checkpoint.replay import ReplayedUpdate, replay_update
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network

SHOWN = 12  # maximum number of listed rows of a batch


@frozen(eq=False)
class Replay:
    """A replayed update of a training; ``explain`` returns its derivation.

    Args:
        update: the values as the training computed them: rows, random key, parameters before and after.
    """

    update: ReplayedUpdate

    def __repr__(self) -> str:
        return f"<Replay of update {self.update.number}: {len(self.rows)} rows; print(it.explain())>"

    @property
    def loss(self) -> float:
        """The loss of the batch, bit-identical to the one of the training."""
        return self.update.loss

    @property
    def rows(self) -> np.ndarray:
        """The indices of the rows of the batch."""
        return self.update.rows

    @cached_property
    def trace(self) -> Trace:
        """The trace of the update in float64, with its dropout masks and its optimizer state."""
        update = self.update
        network = update.model.network
        assert network is not None
        specs = {
            name: replace(spec, shape=(spec.shape[0], *update.arrays[name].shape[1:]))
            for name, spec in network.inputs.items()
        }
        network_of_batch = Network(
            network.recipe, specs, network.engine
        )  # sequences of a batch may be trimmed
        arrays = {
            name: update.arrays[name]
            for name in (*network_of_batch.parameters, *network_of_batch.inference.states)
        }
        targets = {name: update.arrays[name] for name in network_of_batch.target_names.values()}
        slots = {label: update.arrays[label] for label in network_of_batch.slots}
        position = TrainingPosition(
            update.number - 1, update.horizon, slots, True, update.arrays.get(KEY), update.arrays.get(WEIGHTS)
        )
        return trace(
            network_of_batch, arrays, {name: update.arrays[name] for name in specs}, targets, position
        )

    def explain(self, weight: str | None = None, depth: int = 2, lang: str | None = None) -> Explanation:
        """Return the derivation of the update, like ``Model.explain`` for new samples.

        Args:
            weight, depth, lang: as in ``Model.explain``.
        """
        lang = lang or settings.lang
        explanation = explain(self.trace, depth, lang, weight, labels=self.update.model.labels)
        return replace(
            explanation,
            title=render("replay_title", lang, step=self.update.number, title=explanation.title),
            sections=(self._about(lang), *explanation.sections),
            translate=lambda: self.explain(weight, depth, "zh" if lang == "en" else "en"),
        )

    def _about(self, lang: str) -> Section:
        """Return the section that identifies the update: position, rows, loss compared with float64."""
        update = self.update
        rows = ", ".join(str(int(row) + 1) for row in update.rows[:SHOWN]) + (
            ", …" if len(update.rows) > SHOWN else ""
        )
        place = {"step": update.number, "epoch": update.epoch + 1, "batch": update.batch + 1}
        measured = {"loss": figure(update.loss), "rate": number(update.learning_rate)}
        facts = {**place, **measured, "n": len(update.rows), "rows": rows}
        gap = abs(self.trace.loss - update.loss) / max(abs(update.loss), 1e-300)
        return Section(
            render("replay_about", lang),
            (render("replay_place", lang, **facts), render("replay_exact", lang, gap=number(gap, 2))),
        )


def replay(
    model: ModelState, step: int, x: Any, y: Any = None, options: Mapping[str, Any] | None = None
) -> Replay:
    """Replay one update of a training; see ``Model.replay``."""
    return Replay(replay_update(model, step, x, y, options or {}))
