"""The options of a training, validated; ``run_folder.py`` stores them in the run folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from chainrule import data
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.findings import is_on_command_line
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.metrics import resolve_metrics
from chainrule.nn import OPTIMIZERS, PiecewiseConstant, net_from_text
from chainrule.records import frozen
from chainrule.tabular.option_names import command, option, place
from chainrule.tabular.threshold import RULES, Cost
from chainrule.train.private.refusals import private_only
from chainrule.uncertainty.prediction_intervals import INTERVAL_METHODS
from chainrule.validation import choice, integer, number, out_of_range, random_seed

ENSEMBLE = "ensemble"  # the default of --net: an ensemble over folds (chainrule.tabular)
NET = "64 relu, dropout 0.2, 64 relu, dropout 0.2"
# Like the other defaults, chosen on validation rows of the bundled data sets.
PENALTY = 1e-3
OF_ENSEMBLE = ("units", "dropout", "weight_decay", "intervals")
"""Options of an ensemble alone, which its recipe chooses unless they are passed."""
OF_RECIPE = ("epochs", "batch_size", "optimizer", "learning_rate", "penalty", "patience", *OF_ENSEMBLE)
"""Options that the recipe of an ensemble chooses unless they are passed."""
KIND_OPTIONS = ("category", "number", "date", "text")
"""Options that set the kind of a column, named like the kind."""
ROBUST = ("adversarial", "trades", "interval", "noise")
PASSED = "passed"  # the only field of ``Options`` that is not an option


_INTEGERS = {  # option: the limits
    "epochs": (1, None),
    "batch_size": (1, None),
    "patience": (0, None),
    "units": (1, 4096),
    "intervals": (2, 256),
    "histograms": (0, None),
    "size": (0, 10_000),
}
_NUMBERS: dict[str, dict[str, float]] = {
    "learning_rate": {"above": 0},
    "penalty": {"minimum": 0},
    "dropout": {"minimum": 0, "below": 1},
    "weight_decay": {"minimum": 0},
    "epsilon": {"minimum": 0, "example": 3},
    "delta": {"minimum": 0, "below": 1, "example": 1e-5},
    "robustness": {"minimum": 0, "maximum": 10, "example": 0.1},
}


@frozen
class Options:
    """The options of a training; the same options and data result in the same files.

    Args:
        data: file, or name of a data set.
        target: column to predict; by default that of the table.
        task: ``classification`` or ``regression``; by default inferred from the target.
        net: ``ensemble`` (for images the network of ``quick``), or hidden layers as text.
        quick: one small network instead of an ensemble.
        epochs: maximum number of epochs.
        batch_size: rows per step.
        optimizer: name of the optimizer.
        learning_rate: learning rate.
        learning_rate_at: later learning rates of one network, as ``STEP:RATE``: after this number of updates.
        penalty: strength of the L2 penalty on weights.
        patience: epochs without improvement of the validation loss before early stopping; 0 disables it.
        units: ensemble: units of each hidden layer of a network.
        dropout: ensemble: dropout rate after each hidden layer.
        weight_decay: ensemble: decoupled weight decay of the default optimizer.
        intervals: ensemble: intervals in which each number is encoded.
        interval_method: of prediction intervals: ``quantile`` (as wide as the row requires), ``constant``.
        class_weight: ``balanced``, or empty.
        positive: the positive one of two classes; empty: the word for yes, the rarer class if it has at most
            a third of the rows, otherwise the second in order.
        threshold: how the threshold of two classes is chosen: ``f1``, ``youden``, or empty for 0.5.
        cost: of a false positive and a false negative, ``FP:FN``; the threshold is FP / (FP + FN).
        learning_curve: train on parts of the rows, too, to see whether more rows would help.
        robustness: radius of an attack that the report contains, in standard deviations of each column, or
            pixels from 0 to 1; 0: none.
        robust: training against changes of the inputs: ``adversarial``, ``trades``, ``interval``,
            ``noise``, or empty.
        radius: of these changes, ``0.1`` or ``8/255``: of images in pixels from 0 to 1, of tables in standard
            deviations of the prepared columns.
        epsilon, delta: guarantee of a private training; 0: none.
        public: TOML file with the public ranges and levels of the columns, for a private training.
        seed: seed of the split, the initial weights and the order of rows.
        engine: engine that runs the graphs; by default that of the settings.
        precision: ``bfloat16`` rounds the factors of products in trainings and predictions, ``float32`` does
            not; by default that of the settings.
        size: image folder: height and width in pixels to which images are resized; 0 for no resizing.
        augment: image folder: random transforms as text.
        damaged: image folder: ``refuse`` or ``skip`` images that cannot be decoded.
        histograms: record distributions of weights, activations and gradients every this number of epochs; 0
            disables it.
        metric: names of additional metrics.
        test: file of the test rows; by default a part of the data.
        split: how test rows are chosen: ``random``, ``time:COLUMN`` or ``group:COLUMN``; empty: at random for
            one network; none for an ensemble, which cross-validation scores.
        weight: column of the row weights.
        id: columns that identify rows; not inputs, but part of the output of ``predict``.
        category, number, date, text: columns with a kind set by the user.
        drop: columns that are not used.
        delimiter, skip, encoding, header, table, query, decimal, day_first, month_first, missing: how the
            file is read, as in ``ReadOptions``.
        passed: the options of ``OF_RECIPE`` that are used although their value is the default.
    """

    data: str
    target: str = ""
    task: str = ""
    net: str = ENSEMBLE
    quick: bool = False
    epochs: int = 200
    batch_size: int = 32
    optimizer: str = "adam"
    learning_rate: float = 0.002
    learning_rate_at: tuple[str, ...] = ()
    penalty: float = PENALTY
    patience: int = 20
    units: int = 64
    dropout: float = 0.0
    weight_decay: float = 0.1
    intervals: int = 8
    interval_method: str = "quantile"
    class_weight: str = ""
    positive: str = ""
    threshold: str = ""
    cost: str = ""
    learning_curve: bool = False
    robustness: float = 0.0
    robust: str = ""
    radius: str = ""
    epsilon: float = 0.0
    delta: float = 0.0
    public: str = ""
    seed: int = 0
    engine: str = ""
    precision: str = ""
    size: int = 0
    augment: str = ""
    damaged: str = "refuse"
    histograms: int = 0
    metric: tuple[str, ...] = ()
    test: str = ""
    split: str = ""
    weight: str = ""
    id: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    delimiter: str = ""
    skip: int = 0
    encoding: str = ""
    header: str = "auto"
    table: str = ""
    query: str = ""
    decimal: str = ""
    day_first: bool = False
    month_first: bool = False
    missing: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._require_numbers()
        _ = self.reading  # refuses invalid options
        if self.augment:
            data.augmentation_from_text(self.augment)
        _ = self.schedule  # refuses invalid rates
        resolve_metrics(self.metric)
        _require_known("optimizer", self.optimizer, tuple(OPTIMIZERS))
        _require_known("interval_method", self.interval_method, INTERVAL_METHODS)
        _require_known("class_weight", self.class_weight, ("", "balanced"))
        _require_known("threshold", self.threshold, ("", *(rule for rule in RULES if rule != "cost")))
        self._require_radius()
        if self.cost:
            Cost.parse(self.cost)
        _require_known("damaged", self.damaged, ("refuse", "skip"))
        _require_known("task", self.task, ("", "classification", "regression"))
        division = self.division
        group = [division.column] if division.way == "group" else []
        others = [*self.drop, *self.id, *[name for name in (self.weight,) if name]]
        used = [*(name for kind in KIND_OPTIONS for name in getattr(self, kind)), *others]
        conflicting = [c for c in dict.fromkeys(used) if used.count(c) > 1]
        conflicting += [c for c in dict.fromkeys([*others, *group]) if c == self.target]
        conflicting += [c for c in (division.column,) if c and c in (*self.drop, self.weight)]
        if conflicting:
            raise UsageError(
                "E608",
                where=", ".join(map(option, (*KIND_OPTIONS, "drop", "id", "weight", "split"))),
                expected=fact("each column once"),
                received=", ".join(conflicting),
            )

    def _require_radius(self) -> None:
        """Refuse an unknown robust training, one without a radius, and a radius without one."""
        _require_known("robust", self.robust, ("", *ROBUST))
        if self.robust and self.radius:
            number = radius_of(self.radius, command())
            if number <= 0:
                fix = option("radius", 0.1)
                raise out_of_range(self.radius, option("radius"), place("radius"), "> 0", fix=fix)
        elif self.robust or self.radius:
            other, value = ("radius", 0.1) if self.robust else ("robust", "adversarial")
            expected = fact("{first} and {second} together", first=option("robust"), second=option("radius"))
            raise UsageError(
                "E601",
                where=command(),
                option=option(other),
                expected=expected,
                received=fact("none"),
                fix=option(other, value),
            )

    def _require_numbers(self) -> None:
        """Refuse numbers outside their range."""
        for name, (low, high) in _INTEGERS.items():
            integer(getattr(self, name), option(name), place(name), minimum=low, maximum=high)
        for name, limits in _NUMBERS.items():
            number(getattr(self, name), option(name), place(name), **limits)
        random_seed(self.seed, place("seed"), option("seed"))

    def require_network(self) -> None:
        """Refuse an invalid network, before the data is read."""
        if self.net != ENSEMBLE:
            net_from_text(self.net, 1)

    def is_passed(self, name: str) -> bool:
        """Return whether an option replaces the value of an ensemble's recipe.

        Example:
            >>> options = Options("iris", epochs=200, patience=5, passed=("epochs",))
            >>> [options.is_passed(name) for name in ("epochs", "patience", "penalty")]
            [True, True, False]
        """
        return name in self.passed or getattr(self, name) != getattr(Options(self.data), name)

    def with_passed(self, values: Mapping[str, Any]) -> Options:
        """Return the options with other values, which replace those of a recipe even if they are defaults."""
        names = [name for name in OF_RECIPE if name in (*self.passed, *values)]
        return replace(self, **values, passed=tuple(names))

    @property
    def schedule(self) -> float | PiecewiseConstant:
        """The learning rate, or the learning rates one after the other."""
        if not self.learning_rate_at:
            return self.learning_rate
        steps, rates = zip(*map(_rate_at, self.learning_rate_at), strict=True)
        if list(steps) != sorted(set(steps)):
            expected = fact("increasing steps")
            received = " ".join(self.learning_rate_at)
            name = option("learning_rate_at")
            raise UsageError(
                "E102", where=place("learning_rate_at"), name=name, expected=expected, received=received
            )
        return PiecewiseConstant((self.learning_rate, *rates), boundaries=steps)

    @property
    def division(self) -> data.Division:
        """How the test rows are chosen."""
        return data.Division.parse(self.split or "random")

    @property
    def group(self) -> str:
        """The column whose groups divide the rows; empty if there is none."""
        return self.division.column if self.division.way == "group" else ""

    @property
    def reading(self) -> ReadOptions:
        """How the file is read."""
        return ReadOptions(**{field.name: getattr(self, field.name) for field in fields(ReadOptions)})

    @property
    def reading_words(self) -> str:
        """The options of reading that are not the default, for a command with the same data."""
        changed = {name.replace("_", "-"): getattr(self, name) for name in self.reading.changed}
        words = [
            f" --{name}" if part is True else f" --{name} {quoted(str(part))}"
            for name, value in changed.items()
            for part in (value if isinstance(value, tuple) else (value,))
        ]
        return "".join(words)

    @property
    def kinds(self) -> dict[str, str]:
        """The column kinds set by the user, as ``data.describe`` takes them."""
        return {name: kind for kind in KIND_OPTIONS for name in getattr(self, kind)}

    def call(self) -> str:
        """Return the call that repeats this training of rows in memory."""
        defaults = Options("")
        changed = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)[1:]
            if field.name != PASSED
            and (getattr(self, field.name) != getattr(defaults, field.name) or field.name in self.passed)
        ]
        return f"cr.train_table({', '.join(['data', *changed])})"

    def command(self, out: str = "", has_seed: bool = True) -> str:
        """Return the command that repeats this training; ``has_seed``: with a seed that is the default too.

        For rows in memory it is the call.
        """
        if not self.data:
            return self.call()
        words = ["chainrule", "train", quoted(self.data)]
        defaults = Options(self.data)
        always = (*self.passed, "seed") if has_seed else self.passed
        for field in fields(self)[1:]:
            value, name = getattr(self, field.name), f"--{field.name.replace('_', '-')}"
            if field.name == PASSED:
                continue
            if isinstance(value, tuple):
                words += [part for entry in value for part in (name, quoted(entry))]
            elif isinstance(value, bool):
                words += [name] if value else []
            elif value != getattr(defaults, field.name) or field.name in always:
                words += [name, quoted(str(value))]
        return " ".join([*words, *(["--out", quoted(out)] if out else [])])


def _rate_at(text: str) -> tuple[int, float]:
    """Return the step and the rate of a text such as ``120:0.03``."""
    step, _, number = text.partition(":")
    try:
        parsed = (int(step), float(number)) if len(text) < 60 and step.isdecimal() else (0, 0.0)
    except ValueError:
        parsed = (0, 0.0)
    if parsed[0] < 1 or not 0 < parsed[1] < math.inf:
        name, fix = option("learning_rate_at"), option("learning_rate_at", "120:0.03")
        expected = fact("STEP:RATE, a step from 1 and a rate above 0")
        raise UsageError(
            "E102", where=place("learning_rate_at"), name=name, expected=expected, received=text[:60], fix=fix
        )
    return parsed


def _require_known(name: str, word: str, known: tuple[str, ...]) -> None:
    if word or "" not in known:
        choice(word, filter(None, known), option(name), "" if is_on_command_line() else "train_table")


def require_equal(
    saved: Options, passed: dict[str, Any], data: str, run: str, has_images: bool = False
) -> Options:
    """Return the saved options with the engine that is passed, if any.

    Other values are refused, and so are options of a recipe that were not passed.

    Args:
        saved: the options in the run folder.
        passed: the options on the command line.
        data: the data on the command line.
        has_images: whether the data are images, for which no recipe chooses options.

    Raises:
        UsageError E603: options that differ, all of them.
    """
    different = [n for n, value in passed.items() if n != "engine" and value != getattr(saved, n)]
    if saved.net == ENSEMBLE and not saved.quick and not has_images:
        names = [name for name in OF_RECIPE if name in passed and not saved.is_passed(name)]
        different = list(dict.fromkeys([*different, *names]))
    wrong = [
        fact("{name}: {before!r}, now {now!r}", name=name, before=getattr(saved, name), now=passed[name])
        if passed[name] != getattr(saved, name)
        else fact("{name}: not passed, now {now!r}", name=name, now=passed[name])
        for name in different
    ]
    fix: str = fact("leave these options out, or train into another --out")
    if different == ["epochs"]:
        fix = f"chainrule resume {quoted(run)} --epochs {passed['epochs']}"
    if wrong:
        raise UsageError(
            "E603",
            where="--resume",
            expected=fact("the options of the training, or none"),
            received=wrong[0],
            notes=wrong[1:],
            fix=fix,
        )
    return replace(saved, data=data, engine=passed.get("engine", saved.engine))


def radius_of(text: str, where: str, name: str = "radius") -> float:
    """Return the radius of a text such as ``0.1`` or ``8/255``.

    Raises:
        UsageError E601: neither.

    Example:
        >>> radius_of("51/255", "chainrule attack")
        0.2
    """
    top, slash, bottom = text.partition("/")
    try:
        radius = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        radius = math.nan
    if not math.isfinite(radius):
        expected = fact("a number, or N/255")
        fix = option(name, "8/255")
        raise UsageError("E601", where=where, option=option(name), expected=expected, received=text, fix=fix)
    return radius


USED = (
    "data target net quick epochs batch_size optimizer learning_rate seed engine metric test delimiter skip "
    f"encoding header table query epsilon delta public {PASSED}"
).split()
"""The options that a private training takes; the others read rows without protection, or a part of them."""
EPOCHS, SHARE, LEARNING_RATE = 20, 0.05, 0.01  # unless passed; SHARE of the rows in a batch
EXAMPLES = {"epsilon": "--epsilon 3", "delta": "--delta 1e-5"}


def is_private(options: Options) -> bool:
    """Return whether the options ask for a private training.

    Raises:
        UsageError E601: ``--epsilon`` without ``--delta``, or ``--public`` without both. TrainingError E590:
            an option that a private training does not take.
    """
    if not (options.epsilon or options.delta or options.public):
        return False
    for name, example in EXAMPLES.items():
        if not getattr(options, name):
            both = fact("{first} and {second} together", first=option("epsilon"), second=option("delta"))
            received = fact("none")
            raise UsageError(
                "E601", where=command(), option=option(name), expected=both, received=received, fix=example
            )
    defaults = Options(options.data)
    for field in fields(Options):
        name = field.name
        if name not in USED and (getattr(options, name) != getattr(defaults, name) or name in options.passed):
            word = option(name)
            expected = fact("options that read no rows")
            fix = fact("leave out {names}", names=word)
            raise TrainingError("E590", where=command(), name=word, expected=expected, received=word, fix=fix)
    return True


def refuse_private(options: Options) -> None:
    """Refuse a private training where the rows would be prepared by their statistics (E591)."""
    if options.epsilon:
        raise private_only("chainrule", "chainrule predict RUN FILE, chainrule evaluate RUN FILE")


def schedule_of(options: Options, rows: int) -> tuple[int, int, float]:
    """Return epochs, batch size and learning rate: those passed, or defaults for noisy gradients."""
    epochs = options.epochs if options.is_passed("epochs") else EPOCHS
    batch_size = options.batch_size if options.is_passed("batch_size") else max(1, round(SHARE * rows))
    learning_rate = options.learning_rate if options.is_passed("learning_rate") else LEARNING_RATE
    return epochs, min(batch_size, rows), learning_rate
