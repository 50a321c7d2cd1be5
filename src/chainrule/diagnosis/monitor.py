"""The doctor while a training runs and when it has ended: the rules that read its course.

They are asked at each look into the net, and at the ends of epochs, more rarely the longer the training goes
on, so that asking costs next to nothing. A rule is told the first time it speaks. At the end all are asked
once more, by the whole course, and what they then say counts: a loss that did not move for five epochs and
then fell is no finding any more. A finding whose numbers come at their time, such as a NaN, comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from chainrule.diagnosis.finding import Finding, by_gravity
from chainrule.diagnosis.history import Course, course_of
from chainrule.diagnosis.registry import COURSE
from chainrule.diagnosis.rule import Evidence, Judge
from chainrule.events import EpochDone, Event, ProbeDone, TrainingEnded, TrainingFailed
from chainrule.train.callback.training_view import TrainingView

Ask = Callable[[Iterable[str], str, Callable[[Judge], Iterable[Evidence]]], list[Finding]]


class Follower:
    """Runs the rules during one training.

    Args:
        training: may be looked into.
        judged: gives the findings of rules at a time.
    """

    def __init__(self, training: TrainingView, judged: Ask) -> None:
        self._training, self._judged = training, judged
        self._told: set[str] = set()
        self._first: Course | None = None
        self._next = 5  # the epoch after which the rules run

    def hear(self, event: Event) -> list[Finding]:
        """What the rules say for the first time at this event.

        At the end of the training: everything that they find in the whole of it.
        """
        if isinstance(event, TrainingEnded):
            return list(findings_after(self._course(event.reason), self._judged))
        if isinstance(event, TrainingFailed):
            return list(findings_after(self._course("failed", event.fault), self._judged))
        due = isinstance(event, EpochDone) and event.epoch >= self._next
        if not due and not isinstance(event, ProbeDone):
            return []
        if isinstance(event, EpochDone):
            self._next = event.epoch + max(2, event.epoch // 2)
        found = _asked(self._course(), "during", self._judged)
        fresh = [each for each in found if each.rule.id not in self._told]
        self._told |= {each.rule.id for each in fresh}
        return fresh

    def _course(self, ended: str = "", fault: str = "") -> Course:
        """Return the recorded history so far; constant parts are computed once."""
        if self._first is None:
            self._first = course_of(self._training)
        history, probes = tuple(self._training.history), tuple(self._training.probes)
        return replace(self._first, history=history, probes=probes, ended=ended, fault=fault)

    def is_told(self, finding: Finding) -> bool:
        """Whether a rule has already reported during the training."""
        return finding.rule.id in self._told


def findings_after(course: Course, judged: Ask) -> tuple[Finding, ...]:
    """Return the findings of an ended training, the most severe first."""
    return by_gravity(each for time in ("during", "after") for each in _asked(course, time, judged))


def _asked(course: Course, time: str, judged: Ask) -> list[Finding]:
    """Yield the findings of the rules of one time; the history may contain NaN and zeros."""

    def ask(judge: Judge) -> list[Evidence]:
        with np.errstate(all="ignore"):
            return list(judge(course))

    return judged(COURSE, time, ask)
