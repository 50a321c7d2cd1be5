"""``PrivacySpent``: what a private training spent, for one row or several, and what it does not protect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from chainrule.errors import fact
from chainrule.messages import join_facts
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train.private.privacy import (
    PRIVACY,
    UNPROTECTED,
    Phase,
    phases_of,
    refused_argument,
    unprotected_of,
)
from chainrule.validation import is_number, language

MAX_GROUP = 64  # rows


@frozen
class PrivacySpent:
    """The privacy that the training of a model spent.

    The guarantee is that of ``Privacy``: for one row of the private training, or for ``group`` rows.

    Args:
        epsilon: with ``delta``, the guarantee that holds for the model.
        delta: see ``Privacy``.
        noise_multiplier: of the last training.
        sampling_rate: of the last training.
        steps: the number of steps of all private trainings, with those that were discarded.
        max_norm: the largest norm of the gradient of a row.
        unprotected: what the model depends on without protection: ``"training"`` (rows of an earlier training
            without privacy), ``"loaded"`` (rows from which loaded parameters were computed),
            ``"calibration"``; empty: nothing that is known.
        phases: the steps of each private training.
        group: the number of rows that are protected together.

    Example:
        >>> print(PrivacySpent(2.99, 1e-5, 1.5, 0.034, 900, 1.0))
        (2.99, 1e-05)-differentially private: 900 steps, sampling rate 0.034, noise multiplier 1.5
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    sampling_rate: float
    steps: int
    max_norm: float
    unprotected: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = field(default=(), repr=False)
    group: int = 1

    def __str__(self) -> str:
        return self.text(settings.lang)

    def text(self, lang: str) -> str:
        """Return the guarantee and what is not protected, in English or Chinese.

        Args:
            lang: ``"en"`` or ``"zh"``.
        """
        lang = language(lang, "text")
        scope, missing = [], ""
        if self.unprotected:
            scope.append(fact(" for the rows of the private training alone"))
            parts = join_facts(", ", [fact(UNPROTECTED[reason]) for reason in self.unprotected], "list")
            missing = fact("; not protected: {parts}", parts=parts)
        if self.group > 1:
            scope.append(fact(" for groups of {group} rows", group=self.group))
        text = fact(
            "({epsilon:.4g}, {delta:.4g})-differentially private{scope}: {steps} steps, sampling rate "
            "{sampling_rate:.3g}, noise multiplier {noise_multiplier:.4g}{unprotected}",
            epsilon=self.epsilon,
            delta=self.delta,
            steps=self.steps,
            sampling_rate=self.sampling_rate,
            noise_multiplier=self.noise_multiplier,
            scope=join_facts("", scope),
            unprotected=missing,
        )
        return text.render(lang)

    def for_group(self, rows: int, delta: float | None = None) -> PrivacySpent:
        """Return the guarantee for several rows together, such as all rows of one person.

        It is weaker than ``rows`` times epsilon: by the definition alone, delta grows to the sum over i <
        ``rows`` of e^(i epsilon) delta. Here the epsilon at the same delta is computed from the distribution
        of the privacy loss, where each step draws each of the rows on its own.

        Args:
            rows: the number of rows, 1 to 64.
            delta: by default that of the guarantee for one row.

        Raises:
            UsageError E102: a number of rows or a delta out of range.
            DataError E350: ``dp-accounting`` is not installed.

        Reference: Ganesh (2024), Tight group-level DP guarantees for DP-SGD with sampling via mixture of
        Gaussians mechanisms, arXiv:2401.10294.

        Example:
            >>> spent = PrivacySpent(0.65, 1e-5, 4.0, 0.1, 10, 1.0, phases=(Phase(4.0, 0.1, 10),))
            >>> [round(spent.for_group(rows).epsilon, 1) for rows in (1, 2, 3)]
            [0.3, 0.7, 1.0]
        """
        from chainrule.train.private.accounting import epsilon_of  # noqa: PLC0415

        if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MAX_GROUP:
            raise refused_argument("rows", fact("1 to {limit}", limit=MAX_GROUP), rows, "rows=2", "for_group")
        delta = self.delta if delta is None else delta
        if not is_number(delta) or not 0 < delta < 1:
            raise refused_argument("delta", "0 < delta < 1", delta, "delta=1e-5", "for_group")
        epsilon = epsilon_of(self.phases, delta, rows) if self.phases else math.inf
        return replace(self, epsilon=epsilon, delta=float(delta), group=rows)

    @staticmethod
    def of(facts: Mapping[str, Any]) -> PrivacySpent | None:
        """Return what the facts of a model state; ``None`` for a model that was not trained privately.

        Args:
            facts: ``model.facts``.
        """
        phases, private = phases_of(facts), facts.get(PRIVACY)
        if not phases or not isinstance(private, dict):
            return None
        numbers: Sequence[Any] = [private.get(name) for name in ("epsilon", "delta", "max_norm")]
        if not all(is_number(value) or value == math.inf for value in numbers):
            return None
        epsilon, delta, max_norm = map(float, numbers)
        last = phases[-1]
        steps = sum(phase.steps for phase in phases)
        return PrivacySpent(
            epsilon,
            delta,
            last.noise_multiplier,
            last.sampling_rate,
            steps,
            max_norm,
            unprotected_of(facts),
            phases,
        )
