"""The options of ``fit``: their types, and the record that checks them before anything is computed.

``FitOptions`` declares names, defaults and limits. The signature of ``Model.fit`` is derived from it
(``with_fit_options``); ``FitKeywords`` has their types for type checkers and editors; a test compares both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, signature
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar

import numpy as np

from chainrule.data.sample_types import BatchIterable, Samples, SampleWeight, Targets
from chainrule.errors import UsageError, fact
from chainrule.metrics import MetricLike
from chainrule.records import frozen
from chainrule.train.private.privacy import Privacy
from chainrule.train.robust.robust_training import RobustTraining
from chainrule.validation import refuse_unknown

if TYPE_CHECKING:
    from chainrule.data.augmentation import Augmentation
    from chainrule.events import Listener
    from chainrule.store import RunFolder
    from chainrule.train.callback import Callback
    from chainrule.train.callback.stopping import StoppingRule

RunPath: TypeAlias = "str | os.PathLike[str] | RunFolder | None"
"""A folder for checkpoints."""
Validation: TypeAlias = (
    "float | tuple[Samples, Targets] | tuple[Samples, Targets, SampleWeight] | BatchIterable | None"
)
ClassWeight: TypeAlias = "Literal['balanced'] | Mapping[int, float] | Mapping[str, float] | None"
ColumnKind: TypeAlias = Literal[
    "category", "number", "date", "time", "duration", "text", "yes_no", "constant", "id", "empty"
]
ColumnKinds: TypeAlias = "Mapping[str, ColumnKind] | None"
Callbacks: TypeAlias = "Sequence[StoppingRule | Callback | Listener]"
Metrics: TypeAlias = "Sequence[MetricLike] | None"
LossName: TypeAlias = Literal[
    "half_mse", "mse", "mae", "quantile", "huber", "smooth_l1", "log_cosh", "mape", "msle",
    "cosine_similarity",
    "poisson", "gaussian_nll", "kl_divergence", "binary_cross_entropy", "cross_entropy",
    "soft_cross_entropy", "nll", "binary_focal", "categorical_focal", "generalized_cross_entropy",
    "symmetric_cross_entropy", "bootstrapping", "hinge",
    "squared_hinge", "soft_margin", "categorical_hinge", "multi_margin", "multilabel_margin",
    "hinge_embedding", "margin_ranking", "cosine_embedding", "contrastive", "triplet_margin", "circle",
    "dice", "tversky", "ctc", "center_net",
]  # fmt: skip
OptimizerName: TypeAlias = Literal[
    "sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam", "adafactor",
    "asgd", "rprop", "ftrl", "lion", "lamb", "lars", "adan", "adabelief", "yogi", "muon",
    "schedule_free_adamw", "lbfgs",
]  # fmt: skip
_Function = TypeVar("_Function", bound=Callable[..., Any])

LARGEST = 2**63 - 1
_TYPES: dict[str, tuple[type, str, str]] = {  # option -> its type, what is expected, a fix
    "robust": (RobustTraining, fact("a robust training"), "robust=cr.AdversarialTraining(radius=0.1)"),
    "privacy": (Privacy, "cr.Privacy(epsilon, delta)", "privacy=cr.Privacy(epsilon=3, delta=1e-5)"),
    "kinds": (Mapping, fact("a kind for each column by name"), 'kinds={"zip": "category"}'),
}


@frozen
class FitOptions:
    """The options of a training; see ``chainrule.Model.fit``."""

    epochs: int = 100
    batch_size: int | None = 32
    seed: int = 0
    steps_per_epoch: int | None = None
    shuffle: bool = True
    class_weight: str | Mapping[Any, float] | None = None
    sample_weight: Any = None
    kinds: Mapping[str, str] | None = None
    augmentation: Any = None
    callbacks: Sequence[Any] = ()
    metrics: Sequence[MetricLike] | None = None
    warm_start: bool = False
    buckets: int | None = None
    run: Any = None
    resume: bool = False
    save_every: float = 5.0
    probes: bool = True
    doctor: bool = True
    robust: RobustTraining | None = None
    privacy: Privacy | None = None
    verbose: bool | None = None

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


class TrainingKeywords(TypedDict, total=False):
    """The options of ``Model.fit`` that decide how a step is computed; see ``Model.fit``."""

    validation: Validation
    batch_size: int | None
    seed: int
    shuffle: bool
    class_weight: ClassWeight
    sample_weight: SampleWeight
    kinds: ColumnKinds
    augmentation: Augmentation | None
    metrics: Metrics
    buckets: int | None
    warm_start: bool
    robust: RobustTraining | None
    privacy: Privacy | None


class FitKeywords(TrainingKeywords, total=False):
    """The options of ``Model.fit``."""

    epochs: int
    steps_per_epoch: int | None
    verbose: bool | None
    callbacks: Callbacks
    run: RunPath
    resume: bool
    save_every: float
    probes: bool
    doctor: bool


def with_fit_options(function: _Function) -> _Function:
    """Return a decorator that lists the options of ``FitOptions`` in place of ``**options``."""
    own, types = signature(function), FitKeywords.__annotations__
    named = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    defaults = [(field.name, field.default) for field in fields(FitOptions)]
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=types[name].__forward_arg__)
        for name, default in (*defaults[:2], ("validation", None), *defaults[2:])
    ]
    changed: Any = function
    changed.__signature__ = own.replace(parameters=[*named, *options])
    return function


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of ``fit``, after a check of their names."""
    refuse_unknown("fit", options, [f.name for f in fields(FitOptions)], ("x", "y", "validation"))
    return dict(options)
