"""What a call of ``fit`` asks for, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

from chainrule.errors import UsageError, nearest
from chainrule.events import Listener
from chainrule.records import frozen
from chainrule.train.callback.callback import Callback
from chainrule.train.evaluation.metric import Asked
from chainrule.train.stopping import StoppingRule


@frozen
class Request:
    """What a call of ``fit`` asks for; see ``Learner.fit``."""

    epochs: int
    batch_size: int | None
    seed: int
    shuffle: bool = True
    verbose: bool | None = None
    callbacks: Sequence[Any] = ()
    class_weight: str | Mapping[Any, float] | None = None
    sample_weight: Any = None
    warm_start: bool = False
    run: Any = None
    resume: bool = False
    save_every: float = 5.0
    augmentation: Any = None
    metrics: Sequence[str | Asked] | None = None
    buckets: int | None = None
    probes: bool = True
    doctor: bool = True

    def __post_init__(self) -> None:
        self._whole("epochs", 0)
        self._whole("seed")
        if self.batch_size is not None:
            self._whole("batch_size", 1)
        if self.buckets is not None:
            self._whole("buckets", 1)
        if not isinstance(self.save_every, Real) or not self.save_every >= 0:
            raise UsageError(
                "E102", where="fit", name="save_every", expected=">= 0", received=repr(self.save_every)
            )
        if self.resume and self.run is None:
            raise UsageError(
                "E102", where="fit", name="resume", expected="a folder to go on from", received="run=None",
                fix='run="my-run", resume=True',
            )  # fmt: skip

    def _whole(self, name: str, least: int | None = None) -> None:
        """Refuse what is no whole number of this size; NumPy's become Python's own."""
        value = getattr(self, name)
        if (
            isinstance(value, bool)
            or not isinstance(value, Integral)
            or (least is not None and value < least)
        ):
            expected = "a whole number" if least is None else f"a whole number >= {least}"
            raise UsageError("E102", where="fit", name=name, expected=expected, received=repr(value))
        object.__setattr__(self, name, int(value))


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``fit``, once it is known that each exists."""
    refuse_unknown("fit", options, [f.name for f in fields(Request)])
    return dict(options)


def refuse_unknown(where: str, options: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an option that does not exist.

    Fails:
        UsageError E101: no such option (the nearest is offered).
    """
    known = list(known)
    for name in options:
        if name not in known:
            close = nearest(name, known)
            raise UsageError(
                "E101", where=where, name=name, expected=", ".join(known), received=name,
                fix=f"{close}=..." if close else "",
            )  # fmt: skip


def callbacks_of(callbacks: Sequence[Any]) -> tuple[list[StoppingRule], list[Listener | Callback]]:
    """The stopping rules among callbacks, and the others in their order: functions, and what makes them.

    Fails:
        UsageError E107: something that is none of the three.
    """
    if not isinstance(callbacks, Sequence):
        raise UsageError(
            "E107",
            where="callbacks",
            expected="a list",
            received=repr(callbacks)[:80],
            fix=f"callbacks=[{callbacks}]",
        )
    rules = [c for c in callbacks if isinstance(c, StoppingRule)]
    listeners = [c for c in callbacks if not isinstance(c, StoppingRule)]
    for listener in listeners:
        if isinstance(listener, type) or not (callable(listener) or isinstance(listener, Callback)):
            raise UsageError(
                "E107", where="callbacks", expected="a rule, a callback or a function",
                received=repr(listener)[:80], fix="callbacks=[cr.EarlyStopping(patience=10)]",
            )  # fmt: skip
    return rules, listeners
