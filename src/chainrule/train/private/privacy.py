"""``Privacy``: the guarantee of a private training, and its mechanism."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from chainrule.data.tables.public_columns import PublicColumns
from chainrule.errors import UsageError, fact
from chainrule.messages import Message, Texts, join_facts
from chainrule.records import frozen
from chainrule.validation import is_number, out_of_range

PRIVACY = "privacy"  # the name of the facts of a private training
CHANGED = "changed"  # the name of the fact: what set arrays of the model outside of a training
CALIBRATION = "calibration"  # the name of the fact: the calibration of the probabilities
QUANTIZED = "quantized"  # the name of the fact: of predictions in 8 bits, with what was measured without them
INTERVALS = "prediction_intervals"  # the name of the fact: the prediction intervals of a regression
UNPROTECTED: Texts = {
    "training": "the rows of a training without privacy, from whose parameters this one started",
    "loaded": "the rows from which loaded parameters were computed, from which the training started",
    "calibration": "the rows from which the calibration was computed",
    "quantization": "the rows on which the ranges of the quantization were measured",
}
"""What parameters of a private model may depend on without protection."""


@frozen
class Privacy:
    """Differential privacy of a training, by DP-SGD: the value of ``fit(privacy=...)``.

    A training is (epsilon, delta)-differentially private if for any two data sets of which one has a row that
    contributes nothing in the other (zero-out: the number of rows is public), and any set S of models::

        P(model in S) <= e^epsilon P(model in S with the other data set) + delta

    Each step draws every row with probability ``batch_size / rows``, scales the gradient of each row to a
    norm of at most ``max_norm``, adds normal noise to their sum, and divides by ``batch_size``. The standard
    deviation of the noise is the smallest with which all steps together keep the guarantee.

    Args:
        epsilon: above 0; at most about 1 is a strong guarantee, above 10 a weak one.
        delta: between 0 and 1; well below 1 / rows.
        max_norm: the largest norm of the gradient of a row; larger ones are scaled. Gradients of most rows
            should be longer, so that all count alike: try 0.1 to 1.
        columns: for a table, what is public about each input column: the range of its numbers, ``(low,
            high)``, or the levels of its category, as texts. The preparation is created from them alone;
            other columns are left out.
        target: for a table, the range of the target, or its classes as texts.
        public_start: states that the parameters from which the training starts may depend on public rows
            only, as in fine-tuning. Needed if they were loaded, or trained without privacy; the record of the
            model then states that those rows are not protected.

    Raises:
        UsageError E102: a number out of its range, or ranges and levels that are not valid.

    Reference: Abadi et al. (2016), Deep learning with differential privacy, CCS.

    Example:
        >>> print(Privacy(epsilon=3, delta=1e-5))
        Privacy(epsilon=3, delta=1e-05, max_norm=1.0)
    """

    epsilon: float
    delta: float
    max_norm: float = 1.0
    columns: Mapping[str, Sequence[float] | Sequence[str]] | None = field(default=None, repr=False)
    target: Sequence[float] | Sequence[str] | None = field(default=None, repr=False)
    public_start: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("epsilon", "max_norm"):
            value = getattr(self, name)
            if not is_number(value) or value <= 0:
                raise refused_argument(name, fact("a number above 0"), value, f"{name}=1.0")
        if not is_number(self.delta) or not 0 < self.delta < 1:
            raise refused_argument("delta", "0 < delta < 1", self.delta, "delta=1e-5")
        if not isinstance(self.public_start, bool):
            expected = fact("True or False")
            raise refused_argument("public_start", expected, self.public_start, "public_start=True")
        _ = self.public  # refuses invalid ranges and levels

    @property
    def public(self) -> PublicColumns | None:
        """What is public about the columns of a table; ``None`` if nothing is stated."""
        if self.columns is None and self.target is None:
            return None
        return PublicColumns.of(self.columns, self.target)


def unprotected_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the arrays depend on without protection, as keys of ``UNPROTECTED``, from any facts."""
    private = facts.get(PRIVACY)
    stored: Any = private.get("unprotected", []) if isinstance(private, dict) else []
    reasons = (
        {entry for entry in stored if isinstance(entry, str)} if isinstance(stored, list) else {"training"}
    )
    if "steps" in facts and not phases_of(facts):
        reasons.add("training")
    if facts.get(CHANGED):
        reasons.add("loaded")
    if CALIBRATION in facts or INTERVALS in facts:
        reasons.add("calibration")
    if QUANTIZED in facts:
        reasons.add("quantization")
    return tuple(reason for reason in UNPROTECTED if reason in reasons)


def start_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the parameters of a model depend on without protection.

    A calibration and a quantization change no parameters.
    """
    of_predictions = ("calibration", "quantization")
    return tuple(reason for reason in unprotected_of(facts) if reason not in of_predictions)


def unprotected_start(reasons: Sequence[str]) -> Message:
    """Return the notice on a start whose rows are not protected."""
    parts = join_facts(", ", [fact(UNPROTECTED[reason]) for reason in reasons], "list")
    return fact("privacy: not protected: {parts}", parts=parts)


def refused_argument(
    name: str, expected: object, value: object, fix: str, where: str = "Privacy"
) -> UsageError:
    """Return the error for a value of ``Privacy`` or of its methods that is out of range."""
    return out_of_range(value, name, where, expected, fix=fix)


def large_delta(delta: float, rows: int) -> Message:
    """Return the notice on a delta with which a whole row may be revealed."""
    return fact(
        "privacy: delta {delta:g} is at least 1 / {rows:,}: publishing one row at random would satisfy "
        "it; use a delta of {most:.0e} or less",
        delta=delta,
        rows=rows,
        most=0.1 / rows,
    )


@frozen
class Phase:
    """Steps of one mechanism, whose privacy losses add up.

    Args:
        noise_multiplier: the standard deviation of the noise in units of ``max_norm``.
        sampling_rate: the probability with which a step draws a row.
        steps: the number of steps.
    """

    noise_multiplier: float
    sampling_rate: float
    steps: int

    def record(self) -> dict[str, Any]:
        """Return the phase as plain data."""
        return {name: getattr(self, name) for name in Phase.__annotations__}


def phases_of(facts: Mapping[str, Any]) -> tuple[Phase, ...]:
    """Return the private phases in the facts of a model, which a file may contain; empty without any."""
    private = facts.get(PRIVACY)
    entries: Any = private.get("phases") if isinstance(private, dict) else None
    phases = []
    for entry in entries if isinstance(entries, list) else []:
        values: list[Any] = [
            entry.get(name) if isinstance(entry, dict) else None for name in Phase.__annotations__
        ]
        if not all(is_number(value) for value in values) or type(values[2]) is not int:
            continue
        phase = Phase(*values)
        if phase.noise_multiplier > 0 and 0 < phase.sampling_rate <= 1 and 0 <= phase.steps < 2**40:
            phases.append(phase)
    return tuple(phases)


@frozen
class Mechanism:
    """The mechanism of a private training.

    Args:
        noise_multiplier: the standard deviation of the noise in units of ``privacy.max_norm``.
        rows: the number of training rows.
        batch_size: the expected number of rows that a step draws; every sum is divided by it.
        steps: the number of steps for which the noise was calibrated.
        before: the phases of earlier private trainings from which this one starts.
        unprotected: what the initial parameters depend on without protection; keys of ``UNPROTECTED``.
    """

    privacy: Privacy
    noise_multiplier: float
    rows: int
    batch_size: int
    steps: int
    before: tuple[Phase, ...] = ()
    unprotected: tuple[str, ...] = ()

    @property
    def sampling_rate(self) -> float:
        """The probability with which a step draws a row."""
        return self.batch_size / self.rows

    @property
    def is_complete(self) -> bool:
        """Whether every step uses all rows."""
        return self.batch_size == self.rows

    def phases(self, steps: int) -> tuple[Phase, ...]:
        """Return all phases, if this one has ``steps`` steps."""
        return (*self.before, Phase(self.noise_multiplier, self.sampling_rate, steps))

    def facts(self, steps: int, epsilon: float) -> dict[str, Any]:
        """Return the facts of a model for its file: ``steps``, discarded ones included, spent ``epsilon``."""
        privacy = self.privacy
        return {
            "epsilon": epsilon,
            "delta": privacy.delta,
            "target": privacy.epsilon,
            "max_norm": privacy.max_norm,
            "rows": self.rows,
            "batch_size": self.batch_size,
            "phases": [phase.record() for phase in self.phases(steps)],
            "unprotected": list(self.unprotected),
        }
