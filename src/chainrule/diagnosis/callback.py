"""The doctor as a callback: it runs the rules before, during and after a training and reports findings.

It never makes a training fail: a rule that raises is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from chainrule import diagnosis, store
from chainrule.diagnosis.context import BRIEF, TrainingContext, collect_context
from chainrule.diagnosis.finding import Finding, by_severity
from chainrule.diagnosis.first_steps import brief_step
from chainrule.diagnosis.history import TrainingRecord, record_of
from chainrule.diagnosis.rule import BEFORE, FIRST, HISTORY, RULES, Check, Evidence
from chainrule.events import (
    EpochDone,
    Event,
    Listener,
    Notice,
    ProbeDone,
    TrainingEnded,
    TrainingFailed,
    TrainingStarted,
)
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.monitor.progress import warn

# The doctor during a training and at its end: the rules that read the recorded history.
#
# They run at each probe, and at the ends of epochs at growing intervals, so that their cost is negligible. A
# finding is reported once for each layer, when a rule detects it for the first time. At the end, all rules
# run once more on the complete history. A finding that was reported stays in the diagnosis, with its state in
# the complete history: the same, other numbers, or nothing any more, such as a loss that was far above its
# best and then fell. Findings of the end that are new are reported then.
#
# Which findings are reported is a function of the history and the probes, so a resumed training computes
# those that were reported before it was interrupted.

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


# Lazy packages: the page of findings is imported only when it is needed.

_LOG = logging.getLogger(__name__)
OF_AXES = ("channels-first", "no-channel-axis")  # the rules that need no more rows than a batch has


@frozen
class Doctor(Callback):
    """A check of a training before its first step, during it and at its end; each finding is a ``Notice``.

    ``Model.fit`` adds it by default; ``doctor=False`` disables it.
    """

    def start(self, training: TrainingView) -> Listener:
        """Return the listener of one training."""
        before: list[Finding] = []
        monitor = RuleMonitor(training, apply_rules)

        def listen(event: Event) -> None:
            if isinstance(event, TrainingStarted):
                before.extend(findings_at_start(training))
                if event.step == 0:
                    report(training, before)
                    warn_of_silent(training, before)
                else:
                    monitor.resume()
            elif isinstance(event, TrainingEnded | TrainingFailed):
                new, findings = monitor.at_end(event)
                report(training, new)
                store_findings(training, [*before, *findings])
            else:
                report(training, monitor.on_event(event))

        return last_step_only(listen)


@frozen
class FirstBatch(Callback):
    """A check of the axes of the first batch of an iterable; other rules need all rows of a training."""

    def start(self, training: TrainingView) -> Listener:
        """Return the listener of one training."""

        def listen(event: Event) -> None:
            if isinstance(event, TrainingStarted) and event.step == 0:
                context = context_of(training)
                findings = apply_rules(OF_AXES, "before", lambda check: check(context))
                report(training, findings)
                warn_of_silent(training, findings)

        return last_step_only(listen)


def warn_of_silent(training: TrainingView, findings: Iterable[Finding]) -> None:
    """Emit warnings of Python for problems without any sign, where nothing prints the notices."""
    for finding in findings:
        if finding.rule.is_silent and finding.severity != "info" and not training.prints_notices:
            remedy = render("doctor_try", settings.lang, text=finding.remedy_in(settings.lang))
            warn(f"{finding.line(settings.lang)}\n  {remedy}")


def store_findings(training: TrainingView, findings: list[Finding]) -> None:
    """Store the findings in the model, and in the run folder if there is one."""
    training.set_findings(by_severity(findings))
    run = training.options.run
    if run is not None:
        folder = run if isinstance(run, store.RunFolder) else store.RunFolder.open(run)
        folder.write_text(diagnosis.DIAGNOSIS_FILE, diagnosis.Diagnosis.of(findings, settings.lang).to_json())


def findings_at_start(training: TrainingView) -> tuple[Finding, ...]:
    """Return the findings before the first step of a training.

    Rules of the first steps that read a probe, too, run at the first probe.
    """
    context = context_of(training)
    findings = findings_before(context)
    first = brief_step(context, training)
    if first is None:
        return findings
    names = [name for name in dict.fromkeys([*BEFORE, *FIRST]) if RULES[name].during is None]
    return by_severity([*findings, *apply_rules(names, "first", lambda check: check(first))])


def context_of(training: TrainingView) -> TrainingContext:
    """Return the facts of a training before it starts."""
    context = collect_context(
        training.network,
        training.model.targets,
        training.data,
        training.order,
        training.validation,
        max_rows=BRIEF,
    )
    return replace(context, feature_names=training.model.feature_names)


def findings_before(context: TrainingContext) -> tuple[Finding, ...]:
    """Return the findings of the rules that run before training, the most severe first."""
    findings = apply_rules(BEFORE, "before", lambda check: check(context))
    return by_severity(_in_sample(finding, context) for finding in findings)


def _in_sample(finding: Finding, context: TrainingContext) -> Finding:
    """Return a finding that states the number of rows, where its rule has measured some of them."""
    rows, evidence = context.sampled_rows, finding.evidence
    if not finding.rule.reads_rows or context.table_findings is not None or rows == context.rows:
        return finding
    return replace(finding, evidence=replace(evidence, sample=(rows, context.rows)))


def apply_rules(names: Iterable[str], time: str, run: Callable[[Check], Iterable[Evidence]]) -> list[Finding]:
    """Return the findings of some rules at one time.

    Args:
        time: the field of ``Rule`` that contains the function, such as ``"before"``.
        run: calls that function with the facts of this time.
    """
    findings: list[Finding] = []
    for name in names:
        rule = RULES[name]
        check = getattr(rule, time)
        try:
            findings += [] if check is None else [Finding(rule, evidence) for evidence in run(check)]
        except Exception:  # a failing rule must not end the training
            _LOG.debug("the rule %s failed", name, exc_info=True)
    return findings


def report(training: TrainingView, findings: Iterable[Finding]) -> None:
    """Emit each finding as a notice."""
    for finding in findings:
        training.send(Notice(finding.message))
