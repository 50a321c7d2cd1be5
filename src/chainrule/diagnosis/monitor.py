"""The doctor during a training and at its end: the rules that read the recorded history.

They run at each probe, and at the ends of epochs at growing intervals, so that their cost is negligible. A
finding is reported once for each layer, when a rule detects it for the first time. At the end, all rules run
once more on the complete history. A finding that was reported stays in the diagnosis, with its state in the
complete history: the same, other numbers, or nothing any more, such as a loss that was far above its
best and then fell. Findings of the end that are new are reported then.

Which findings are reported is a function of the history and the probes, so a resumed training computes those
that were reported before it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from chainrule.diagnosis.finding import Finding, by_severity
from chainrule.diagnosis.history import TrainingRecord, record_of
from chainrule.diagnosis.registry import HISTORY
from chainrule.diagnosis.rule import Check, Evidence
from chainrule.events import EpochDone, Event, ProbeDone, TrainingEnded, TrainingFailed
from chainrule.train.callback.training_view import TrainingView

ApplyRules = Callable[[Iterable[str], str, Callable[[Check], Iterable[Evidence]]], list[Finding]]
FIRST_EPOCH = 5  # after which the rules run at the end of an epoch for the first time


class RuleMonitor:
    """The run of the rules during one training.

    Args:
        training: the view of the training.
        apply_rules: returns the findings of rules at a time.
    """

    def __init__(self, training: TrainingView, apply_rules: ApplyRules) -> None:
        self._training, self._apply_rules = training, apply_rules
        self._first: TrainingRecord | None = None
        self._next = FIRST_EPOCH
        self.reported: list[Finding] = []

    def on_event(self, event: Event) -> list[Finding]:
        """Return the findings that are new at this event."""
        if isinstance(event, EpochDone) and event.epoch >= self._next:
            return self._at_epoch(event.epoch, self._record())
        return self._new(self._record()) if isinstance(event, ProbeDone) else []

    def resume(self) -> None:
        """Compute the findings that were reported before the training was interrupted."""
        record, per_epoch = self._record(), max(1, self._record().steps_per_epoch)
        at_probes = [(probe.step, 1, count) for count, probe in enumerate(record.probes, 1)]
        at_epochs = [(epoch * per_epoch, 0, epoch) for epoch in range(1, len(record.history) + 1)]
        probes: Sequence = ()
        for step, is_probe, count in sorted([*at_probes, *at_epochs]):
            if is_probe:
                probes = record.probes[:count]
                self._new(replace(record, history=record.history[: step // per_epoch], probes=probes))
            elif count >= self._next:
                self._at_epoch(count, replace(record, history=record.history[:count], probes=probes))

    def at_end(self, event: TrainingEnded | TrainingFailed) -> tuple[list[Finding], list[Finding]]:
        """Return the findings that are new at the end, and all of the training.

        An interrupted training is not over: it has the findings so far.
        """
        if isinstance(event, TrainingEnded) and event.reason == "interrupted":
            return [], self.reported
        reason, error = ("failed", event.error) if isinstance(event, TrainingFailed) else (event.reason, None)
        findings = findings_after(self._record(reason, error), self._apply_rules)
        final = {finding.key: finding for finding in findings}
        known = {finding.key for finding in self.reported}
        new = [finding for key, finding in final.items() if key not in known]
        return new, [*(finding.at_end(final.get(finding.key)) for finding in self.reported), *new]

    def _at_epoch(self, epoch: int, record: TrainingRecord) -> list[Finding]:
        self._next = epoch + max(2, epoch // 2)
        return self._new(record)

    def _new(self, record: TrainingRecord) -> list[Finding]:
        """Return the findings that no earlier event had, and add them to the reported ones."""
        known = {finding.key for finding in self.reported}
        findings = _history_findings(record, "during", self._apply_rules)
        new = list({finding.key: finding for finding in findings if finding.key not in known}.values())
        self.reported += new
        return new

    def _record(self, ended: str = "", error: BaseException | None = None) -> TrainingRecord:
        """Return the recorded history so far; constant parts are computed once."""
        if self._first is None:
            self._first = record_of(self._training)
        history, probes = tuple(self._training.history), tuple(self._training.probes)
        facts = self._training.facts
        return replace(
            self._first,
            history=history,
            probes=probes,
            ended=ended,
            error=error,
            best_epoch=facts.best_epoch,
            kept_loss=facts.validation_loss,
        )


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
