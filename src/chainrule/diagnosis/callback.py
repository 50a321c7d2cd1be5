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
from chainrule.diagnosis.monitor import RuleMonitor
from chainrule.diagnosis.registry import BEFORE, RULES
from chainrule.diagnosis.rule import Check, Evidence
from chainrule.events import Event, Listener, Notice, TrainingEnded, TrainingFailed, TrainingStarted
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView

_LOG = logging.getLogger(__name__)


@frozen
class Doctor(Callback):
    """Checks a training before its first step, during it and at its end; each finding is a ``Notice``.

    ``Model.fit`` adds it by default; ``doctor=False`` disables it.
    """

    def start(self, training: TrainingView) -> Listener:
        """Return the listener of one training."""
        reported: list[Finding] = []
        monitor = RuleMonitor(training, apply_rules)

        def listen(event: Event) -> None:
            if isinstance(event, TrainingStarted):
                findings = findings_before(context_of(training))
                if event.step == 0:
                    report(training, findings, reported)
                else:
                    reported.extend(findings)
                return
            findings = monitor.on_event(event)
            if isinstance(event, TrainingEnded | TrainingFailed):
                report(training, [f for f in findings if not monitor.is_reported(f)], [])
                end(training, [*reported, *findings])
            else:
                report(training, findings, [])

        return last_step_only(listen)


def end(training: TrainingView, findings: list[Finding]) -> None:
    """Store the findings in the model, and in the run folder if there is one."""
    training.set_findings(by_severity(findings))
    run = training.options.run
    if run is not None:
        folder = run if isinstance(run, store.RunFolder) else store.RunFolder.open(run)
        folder.write_text(diagnosis.DIAGNOSIS_FILE, diagnosis.Diagnosis.of(findings, settings.lang).to_json())


def context_of(training: TrainingView) -> TrainingContext:
    """Return the facts of a training before it starts."""
    preparation = training.model.preparation
    context = collect_context(
        training.network, training.model.targets, training.data, training.order, training.validation,
        max_rows=BRIEF,
    )  # fmt: skip
    names = () if preparation is None or len(preparation.shape) > 1 else preparation.feature_names
    return replace(context, feature_names=names)


def findings_before(context: TrainingContext) -> tuple[Finding, ...]:
    """Return the findings of the rules that run before training, the most severe first."""
    return by_severity(apply_rules(BEFORE, "before", lambda check: check(context)))


def apply_rules(names: Iterable[str], time: str, run: Callable[[Check], Iterable[Evidence]]) -> list[Finding]:
    """Return the findings of some rules at one time.

    Args:
        names: the rules.
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


def report(training: TrainingView, findings: Iterable[Finding], reported: list[Finding]) -> None:
    """Emit each finding as a notice, and append it to ``reported``."""
    for finding in findings:
        reported.append(finding)
        training.send(Notice(finding.en, finding.zh))
