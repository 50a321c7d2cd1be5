"""One update of a training, explained with the numbers it really had: its batch, its masks, its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.derive.narrative import explain
from chainrule.derive.writer import figure
from chainrule.notation import number
from chainrule.page.explanation import Explanation
from chainrule.page.page import Section
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import say
from chainrule.trace import Moment, Trace, trace
from chainrule.trace.step_nodes import WEIGHTS
from chainrule.train.checkpoint.replay import Update, go_back
from chainrule.train.model_state import ModelState
from chainrule.train.step import Network

SHOWN = 12  # rows of a batch that are named


@frozen(eq=False)
class Replay:
    """One update of a training, made again; ``explain`` tells it.

    Args:
        update: the numbers as the training computed them: rows, random key, parameters before and after.
    """

    update: Update

    def __repr__(self) -> str:
        return f"<Replay of update {self.update.number}: {len(self.rows)} rows; print(it.explain())>"

    @property
    def loss(self) -> float:
        """The loss of the batch as the training computed it, to the last bit."""
        return self.update.loss

    @property
    def rows(self) -> np.ndarray:
        """Which rows of the data the batch held."""
        return self.update.rows

    @cached_property
    def trace(self) -> Trace:
        """Every number of the update, in float64: with the masks of its dropout and what the optimizer
        remembered."""
        made = self.update
        network = made.model.network
        assert network is not None
        specs = {
            name: replace(spec, shape=(spec.shape[0], *made.arrays[name].shape[1:]))
            for name, spec in network.inputs.items()
        }
        own = Network(network.recipe, specs, network.engine)  # a batch may be cut shorter than the data
        held = {name: made.arrays[name] for name in (*own.parameters, *own.inference.states)}
        targets = {name: made.arrays[name] for name in own.target_names.values()}
        moment = Moment(
            made.number - 1, made.horizon, {label: made.arrays[label] for label in own.memory}, True,
            made.arrays.get(KEY), made.arrays.get(WEIGHTS),
        )  # fmt: skip
        return trace(own, held, {name: made.arrays[name] for name in specs}, targets, moment)

    def explain(self, weight: str | None = None, depth: int = 2, lang: str | None = None) -> Explanation:
        """The derivation of the update, as ``Model.explain`` gives it for samples of one's own.

        Args:
            weight, depth, lang: as in ``Model.explain``.
        """
        lang = lang or settings.lang
        told = explain(self.trace, depth, lang, weight, labels=self.update.model.labels)
        return replace(
            told,
            title=say("replay_title", lang, step=self.update.number, title=told.title),
            sections=(self._about(lang), *told.sections),
            translate=lambda: self.explain(weight, depth, "zh" if lang == "en" else "en"),
        )

    def _about(self, lang: str) -> Section:
        """Which update it is: its place, its rows, its loss beside the float64 one."""
        made = self.update
        rows = ", ".join(str(int(row) + 1) for row in made.rows[:SHOWN]) + (
            ", …" if len(made.rows) > SHOWN else ""
        )
        facts = {
            "step": made.number, "epoch": made.epoch + 1, "batch": made.batch + 1, "n": len(made.rows),
            "rows": rows, "loss": figure(made.loss), "rate": number(made.rate),
        }  # fmt: skip
        gap = abs(self.trace.loss - made.loss) / max(abs(made.loss), 1e-300)
        return Section(
            say("replay_about", lang),
            (say("replay_place", lang, **facts), say("replay_exact", lang, gap=number(gap, 2))),
        )


def replay(
    model: ModelState, step: int, x: Any, y: Any = None, options: Mapping[str, Any] | None = None
) -> Replay:
    """One update of a training; see ``Model.replay``."""
    return Replay(go_back(model, step, x, y, options or {}))
