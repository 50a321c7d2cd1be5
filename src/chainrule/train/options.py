"""The options of ``fit``, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.records import frozen
from chainrule.train.evaluation.metric import MetricLike
from chainrule.train.private.privacy import Privacy
from chainrule.train.robust.robust_training import RobustTraining
from chainrule.validation import refuse_unknown

LARGEST = 2**63 - 1
_TYPES: dict[str, tuple[type, str, str]] = {  # option -> its type, what is expected, a fix
    "robust": (RobustTraining, fact("a robust training"), "robust=cr.AdversarialTraining(radius=0.1)"),
    "privacy": (Privacy, "cr.Privacy(epsilon, delta)", "privacy=cr.Privacy(epsilon=3, delta=1e-5)"),
    "kinds": (Mapping, fact("a kind for each column by name"), 'kinds={"zip": "category"}'),
}


@frozen
class FitOptions:
    """The options of a training; see ``chainrule.Model.fit``."""

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
    metrics: Sequence[MetricLike] | None = None
    buckets: int | None = None
    probes: bool = True
    doctor: bool = True
    robust: RobustTraining | None = None
    privacy: Privacy | None = None
    kinds: Mapping[str, str] | None = None
    steps_per_epoch: int | None = None

    def __post_init__(self) -> None:
        self._require_integer("epochs", 0)
        self._require_integer("seed")
        if self.batch_size is not None:
            self._require_integer("batch_size", 1)
        if self.buckets is not None:
            self._require_integer("buckets", 1)
        if self.steps_per_epoch is not None:
            self._require_integer("steps_per_epoch", 1)
        for name in ("shuffle", "warm_start", "resume", "probes", "doctor"):
            self._require_switch(name)
        if not isinstance(self.save_every, Real) or not self.save_every >= 0:
            raise UsageError(
                "E102", where="fit", name="save_every", expected=">= 0", received=repr(self.save_every)
            )
        if not isinstance(self.callbacks, Sequence):
            raise UsageError(
                "E107", where="callbacks", expected=fact("a list"), received=repr(self.callbacks)[:80],
                fix=f"callbacks=[{self.callbacks}]",
            )  # fmt: skip
        for name, (kind, expected, fix) in _TYPES.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise UsageError(
                    "E113", where="fit", name=name, expected=expected, received=repr(value)[:80], fix=fix
                )
        if self.robust is not None and self.buckets is not None:
            raise UsageError(
                "E102", where="fit", name="buckets", expected="None", received=self.buckets,
                notes=[fact("buckets and robust cannot be combined")],
            )  # fmt: skip
        if self.resume and self.run is None:
            raise UsageError(
                "E102", where="fit", name="resume", expected=fact("a run folder with a checkpoint"),
                received="run=None", fix='run="my-run", resume=True',
            )  # fmt: skip

    def _require_switch(self, name: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, bool | np.bool_ | int):
            raise UsageError(
                "E102", where="fit", name=name, expected=fact("True or False"), received=repr(value)[:80],
                fix=f"{name}=True",
            )  # fmt: skip

    def _require_integer(self, name: str, minimum: int | None = None) -> None:
        """Require an integer of at least ``minimum``; NumPy integers become Python integers."""
        value = getattr(self, name)
        if (
            isinstance(value, bool)
            or not isinstance(value, Integral)
            or (minimum is not None and value < minimum)
            or abs(int(value)) > LARGEST
        ):
            expected = (
                fact("an integer") if minimum is None else fact("an integer >= {minimum}", minimum=minimum)
            )
            if isinstance(value, Integral) and abs(int(value)) > LARGEST:
                expected = fact("an integer, {minimum} to {maximum}", minimum=minimum or 0, maximum=LARGEST)
            raise UsageError("E102", where="fit", name=name, expected=expected, received=repr(value)[:80])
        object.__setattr__(self, name, int(value))


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ``fit``, after a check of their names."""
    refuse_unknown("fit", options, [f.name for f in fields(FitOptions)], ("x", "y", "validation"))
    return dict(options)
