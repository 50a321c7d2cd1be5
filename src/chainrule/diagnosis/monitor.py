"""The doctor during a training and at its end: the rules that read the recorded history.

They run at each probe, and at the ends of epochs at growing intervals, so that their cost is negligible. A
finding is reported once, when a rule detects it for the first time. At the end, all rules run once more on
the complete history, and their findings replace the earlier ones: a loss that was flat for five epochs and
then fell is not a finding any more. Findings of transient values, such as a NaN, are detected again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from chainrule.diagnosis.finding import Finding, by_severity
from chainrule.diagnosis.history import TrainingRecord, record_of
from chainrule.diagnosis.registry import HISTORY
from chainrule.diagnosis.rule import Check, Evidence
from chainrule.events import EpochDone, Event, ProbeDone, TrainingEnded, TrainingFailed
from chainrule.train.callback.training_view import TrainingView

ApplyRules = Callable[[Iterable[str], str, Callable[[Check], Iterable[Evidence]]], list[Finding]]


class RuleMonitor:
    """Runs the rules during one training.

    Args:
        training: the view of the training.
        apply_rules: returns the findings of rules at a time.
    """

    def __init__(self, training: TrainingView, apply_rules: ApplyRules) -> None:
        self._training, self._apply_rules = training, apply_rules
        self._reported: set[str] = set()
        self._first: TrainingRecord | None = None
        self._next = 5  # the epoch after which the rules run

    def on_event(self, event: Event) -> list[Finding]:
        """Return the findings that are new at this event.

        At the end of the training: all findings in its complete history.
        """
        if isinstance(event, TrainingEnded):
            return list(findings_after(self._record(event.reason), self._apply_rules))
        if isinstance(event, TrainingFailed):
            return list(findings_after(self._record("failed", event.error), self._apply_rules))
        due = isinstance(event, EpochDone) and event.epoch >= self._next
        if not due and not isinstance(event, ProbeDone):
            return []
        if isinstance(event, EpochDone):
            self._next = event.epoch + max(2, event.epoch // 2)
        findings = _history_findings(self._record(), "during", self._apply_rules)
        new = [finding for finding in findings if finding.rule.id not in self._reported]
        self._reported |= {finding.rule.id for finding in new}
        return new

    def _record(self, ended: str = "", error: BaseException | None = None) -> TrainingRecord:
        """Return the recorded history so far; constant parts are computed once."""
        if self._first is None:
            self._first = record_of(self._training)
        history, probes = tuple(self._training.history), tuple(self._training.probes)
        return replace(self._first, history=history, probes=probes, ended=ended, error=error)

    def is_reported(self, finding: Finding) -> bool:
        """Whether a rule has already reported during the training."""
        return finding.rule.id in self._reported


def findings_after(record: TrainingRecord, apply_rules: ApplyRules) -> tuple[Finding, ...]:
    """Return the findings of an ended training, the most severe first."""
    times = ("during", "after")
    return by_severity(f for time in times for f in _history_findings(record, time, apply_rules))


def _history_findings(record: TrainingRecord, time: str, apply_rules: ApplyRules) -> list[Finding]:
    """Return the findings of the rules of one time; the history may contain NaN and zeros."""

    def run(check: Check) -> list[Evidence]:
        with np.errstate(all="ignore"):
            return list(check(record))

    return apply_rules(HISTORY, time, run)
