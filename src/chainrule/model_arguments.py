"""Types of the arguments of ``Model`` and its methods, for editors and type checkers.

``fit`` lists its options as parameters. Methods that train a copy (``check``, ``replay``) take the options of
``fit`` as a ``TypedDict``, so that a type checker checks the name and the type of each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from chainrule.data.sample_types import BatchIterable, Samples, SampleWeight, Targets
from chainrule.settings import Language

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chainrule.data.augmentation import Augmentation
    from chainrule.events import Listener
    from chainrule.store import RunFolder
    from chainrule.train.callback import Callback
    from chainrule.train.evaluation.metric import MetricLike
    from chainrule.train.private import Privacy
    from chainrule.train.robust import RobustTraining
    from chainrule.train.state_holder import StateHolder
    from chainrule.train.stopping import StoppingRule


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
AttributionMethod: TypeAlias = Literal[
    "integrated_gradients", "expected_gradients", "saliency", "gradient_x_input", "smooth_grad",
    "deep_lift", "occlusion", "shapley", "grad_cam", "attention_rollout",
]  # fmt: skip


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


class AttributionKeywords(TypedDict, total=False):
    """The options of ``Model.attribute``: those of every method, then those of single methods."""

    explains: str | None
    output: str | None
    seed: int
    strict: bool
    lang: Language | None
    steps: int | None
    samples: int | None
    tolerance: float
    noise: float
    absolute: bool
    points: int | None
    residual: float
    layer: str | None
    rectified: bool
    window: int | tuple[int, ...] | None
    stride: int | tuple[int, ...] | None
    groups: Mapping[str, Sequence[str]] | None
    exact: bool | None


AttackMethod: TypeAlias = Literal["pgd", "fgsm", "apgd", "apgd_dlr", "apgd_targeted", "square", "ensemble"]


class AttackKeywords(TypedDict, total=False):
    """The options of ``Model.attack``: those of every attack, then those of single attacks."""

    norm: Literal["inf", "2"] | float
    method: AttackMethod
    bounds: tuple[float, float] | None
    seed: int
    check: bool | None
    lang: Language | None
    steps: int
    restarts: int
    step_size: float
    queries: int
    share: float
    columns: Sequence[str] | None
    change: Mapping[str, float | None]
    targets: int
    target_class: object


class CertifyKeywords(TypedDict, total=False):
    """The options of ``Model.certify``: those of both methods, then those of one."""

    norm: Literal["inf", "2"] | float
    method: Literal["bounds", "smoothing"]
    bounds: tuple[float, float] | None
    seed: int
    lang: Language | None
    seconds: float
    sigma: float
    samples: int
    failure: float


class InfluenceKeywords(TypedDict, total=False):
    """The options of ``Model.influence``; see ``docs/attribution.md``."""

    layer: Literal["last", "all"]
    checkpoints: Sequence[str | os.PathLike[str] | Mapping[str, ArrayLike] | StateHolder]
    learning_rates: Sequence[float] | None
    lang: Language | None
