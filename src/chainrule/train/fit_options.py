"""The options of ``fit``: their types, and the record that checks them before anything is computed.

``FitOptions`` declares names, defaults and limits. The signature of ``Model.fit`` is derived from it
(``with_fit_options``); ``FitKeywords`` has their types for type checkers and editors; a test compares both.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar

from chainrule.data.sample_types import BatchIterable, Samples, SampleWeight, Targets
from chainrule.errors import UsageError, fact
from chainrule.metrics import MetricLike
from chainrule.records import frozen
from chainrule.train.private.privacy import Privacy
from chainrule.train.robust.robust_training import RobustTraining
from chainrule.validation import boolean, integer, number, random_seed, refuse_unknown, wrong_type

if TYPE_CHECKING:
    from chainrule.data.augmentation import Augmentation
    from chainrule.events import Listener
    from chainrule.store import RunFolder
    from chainrule.train.callback import Callback
    from chainrule.train.callback.early_stopping import StoppingRule

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
_OfErrors: TypeAlias = Literal[
    "half_mse", "mse", "mae", "quantile", "huber", "smooth_l1", "log_cosh", "mape", "msle"
]
_OfDistributions: TypeAlias = Literal["cosine_similarity", "poisson", "gaussian_nll", "kl_divergence"]
_OfClasses: TypeAlias = Literal[
    "binary_cross_entropy", "cross_entropy", "soft_cross_entropy", "nll", "binary_focal", "categorical_focal"
]
_OfNoisyLabels: TypeAlias = Literal["generalized_cross_entropy", "symmetric_cross_entropy", "bootstrapping"]
_OfMargins: TypeAlias = Literal[
    "hinge", "squared_hinge", "soft_margin", "categorical_hinge", "multi_margin", "multilabel_margin"
]
_OfEmbeddings: TypeAlias = Literal[
    "hinge_embedding", "margin_ranking", "cosine_embedding", "contrastive", "triplet_margin", "circle"
]
_OfStructures: TypeAlias = Literal["dice", "tversky", "ctc", "center_net"]
LossName: TypeAlias = Literal[
    _OfErrors, _OfDistributions, _OfClasses, _OfNoisyLabels, _OfMargins, _OfEmbeddings, _OfStructures
]
_Adaptive: TypeAlias = Literal["adam", "adamw", "adamax", "nadam", "radam", "adan", "adabelief", "yogi"]
_ByScale: TypeAlias = Literal["rmsprop", "adagrad", "adadelta", "adafactor", "rprop", "ftrl", "lamb", "lars"]
_Others: TypeAlias = Literal["sgd", "asgd", "lion", "muon", "schedule_free_adamw", "lbfgs"]
OptimizerName: TypeAlias = Literal[_Adaptive, _ByScale, _Others]
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
        self._set("epochs", integer(self.epochs, "epochs", "fit", minimum=0, maximum=LARGEST))
        self._set("seed", random_seed(self.seed, "fit"))
        for name in ("batch_size", "buckets", "steps_per_epoch"):
            value = getattr(self, name)
            if value is not None:
                self._set(name, integer(value, name, "fit", minimum=1, maximum=LARGEST))
        for name in ("shuffle", "warm_start", "resume", "probes", "doctor"):
            self._set(name, boolean(getattr(self, name), name, "fit"))
        if self.save_every != math.inf:
            number(self.save_every, "save_every", "fit", minimum=0, example=5.0)
        self._require_types()
        self._require_combinations()

    @classmethod
    def repeated(cls, facts: Mapping[str, Any], epochs: int | None, seed: int, **others: Any) -> FitOptions:
        """Return silent options with the epochs and batches of a training.

        Args:
            facts: of the trained model; without a record 30 epochs and batches of 32 rows.
            epochs: ``None``: as many as the training had.
            seed: as of ``fit``.
            others: further options.
        """
        known, size = facts.get("epochs"), facts.get("batch_size", cls.batch_size)
        epochs = epochs if epochs is not None else known if isinstance(known, int) and known > 0 else 30
        size = size if size is None or (isinstance(size, int) and size > 0) else cls.batch_size
        return cls(epochs, size, seed, verbose=False, probes=False, doctor=False, **others)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _require_types(self) -> None:
        if not isinstance(self.callbacks, Sequence):
            raise UsageError(
                "E107",
                where="callbacks",
                expected=fact("a list"),
                received=repr(self.callbacks)[:80],
                fix=f"callbacks=[{self.callbacks}]",
            )
        for name, (kind, expected, fix) in _TYPES.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise wrong_type(value, name, "fit", expected, fix)

    def _require_combinations(self) -> None:
        if self.robust is not None and self.buckets is not None:
            notes = [fact("buckets and robust cannot be combined")]
            raise UsageError(
                "E102", where="fit", name="buckets", expected="None", received=self.buckets, notes=notes
            )
        if self.resume and self.run is None:
            raise UsageError(
                "E102",
                where="fit",
                name="resume",
                expected=fact("a run folder with a checkpoint"),
                received="run=None",
                fix='run="my-run", resume=True',
            )


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
