"""The doctor as a callback: it runs the rules before, during and after a training and reports findings.

It never makes a training fail: a rule that raises is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

# Lazy packages: the page of findings is imported only when it is needed.
from chainrule import diagnosis, store
from chainrule.diagnosis.context import BRIEF, TrainingContext, collect_context
from chainrule.diagnosis.finding import Finding, by_severity
from chainrule.diagnosis.first_steps import brief_step
from chainrule.diagnosis.monitor import RuleMonitor
from chainrule.diagnosis.registry import BEFORE, FIRST, RULES
from chainrule.diagnosis.rule import Check, Evidence
from chainrule.events import Event, Listener, Notice, TrainingEnded, TrainingFailed, TrainingStarted
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.monitor.progress import warn

_LOG = logging.getLogger(__name__)


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
