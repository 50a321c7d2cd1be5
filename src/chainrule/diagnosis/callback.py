"""The doctor as a callback: it runs the rules before, during and after a training and reports findings.

It never makes a training fail: a rule that raises is skipped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

# Lazy packages: the page of findings is imported only when it is needed.
from chainrule import diagnosis, store
from chainrule.diagnosis.context import BRIEF, Look, look_at
from chainrule.diagnosis.finding import Finding, by_gravity
from chainrule.diagnosis.monitor import Follower
from chainrule.diagnosis.registry import BEFORE, RULES
from chainrule.diagnosis.rule import Evidence, Judge
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
        found: list[Finding] = []
        follower = Follower(training, judged)

        def attend(event: Event) -> None:
            if isinstance(event, TrainingStarted):
                seen = findings_before(look_of(training))
                tell(training, seen, found) if event.step == 0 else found.extend(seen)
                return
            heard = follower.hear(event)
            if isinstance(event, TrainingEnded | TrainingFailed):
                tell(training, [each for each in heard if not follower.is_told(each)], [])
                end(training, [*found, *heard])
            else:
                tell(training, heard, [])

        return last_step_only(attend)


def end(training: TrainingView, found: list[Finding]) -> None:
    """Store the findings in the model, and in the run folder if there is one."""
    training.set_findings(by_gravity(found))
    run = training.options.run
    if run is not None:
        folder = run if isinstance(run, store.RunFolder) else store.RunFolder.open(run)
        folder.write_text(diagnosis.NOTES, diagnosis.Diagnosis.of(found, settings.lang).to_json())


def look_of(training: TrainingView) -> Look:
    """Return the facts of a training before it starts."""
    return look_at(
        training.network, training.model.targets, training.data, training.order, training.validation,
        most=BRIEF,
    )  # fmt: skip


def findings_before(look: Look) -> tuple[Finding, ...]:
    """Return the findings of the rules that run before training, the most severe first."""
    return by_gravity(judged(BEFORE, "before", lambda judge: judge(look)))


def judged(names: Iterable[str], time: str, ask: Callable[[Judge], Iterable[Evidence]]) -> list[Finding]:
    """The findings of some rules at one time.

    Args:
        names: the rules.
        time: the field of ``Rule`` that holds the function, such as ``"before"``.
        ask: gives that function what it judges.
    """
    found: list[Finding] = []
    for name in names:
        rule = RULES[name]
        judge = getattr(rule, time)
        try:
            found += [] if judge is None else [Finding(rule, evidence) for evidence in ask(judge)]
        except Exception:  # a failing rule must not end the training
            _LOG.debug("the rule %s could not judge", name, exc_info=True)
    return found


def tell(training: TrainingView, findings: Iterable[Finding], found: list[Finding]) -> None:
    """Emit each finding as a notice, and collect it."""
    for finding in findings:
        found.append(finding)
        training.send(Notice(finding.en, finding.zh))
