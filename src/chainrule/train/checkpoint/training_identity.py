"""The identity of a training: all facts that must be equal for a resumed training to be the interrupted one.

Each fact is a row of ``FACTS``, with its name in the checkpoint, its value as plain data, and the comparison
of two values. Add a row to make another fact part of the identity.

Fingerprints of custom Python code: stopping rules, metrics and augmentations.

This code runs outside of graphs, so its bytecode is compared: instructions, names, constants, default
arguments and captured values, without comments, docstrings and line numbers. Another version of Python has
other instructions; the version is therefore part of the record, and the fingerprints of two versions are not
compared.
Code of this package is excluded: its graphs and its version are compared.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import nn
from chainrule.data import Arrays, Buckets
from chainrule.engines.dispatch import require_same_options
from chainrule.errors import FileError, fact
from chainrule.graph import fingerprint, input_node
from chainrule.nn.schedule import Schedule
from chainrule.records import frozen
from chainrule.settings import planning_cores, settings
from chainrule.store import json_document
from chainrule.train.checkpoint.computation_fingerprint import computation, first_difference
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.training_run import TrainingRun

if TYPE_CHECKING:
    from chainrule.data.augmentation import Augmentation

MAX_TEXT = 60  # characters of a value in an error
ABSENT = "nothing"
ENGINE, ENGINES_BEFORE = "engine", "engines before"
"""Facts that a resumed training may change: its engine, and the engines that computed its first steps."""
OF_PROCESSES = ("augmentation", "robust")
"""Facts that must be equal in all processes of a training, and that the engine does not compare."""
MAX_CORES = 1024  # as in the settings
ROWS_HASHED = 4096  # rows of an array that are hashed in one call


@frozen
class Fact:
    """A fact that must be equal in an interrupted training and the training that resumes it.

    Args:
        name: its key in the checkpoint.
        of: computes its value for a training, as plain data (JSON).
        differs: takes the saved and the present value; describes the difference, or returns ``None``.
    """

    name: str
    of: Callable[[TrainingRun], Any]
    differs: Callable[[Any, Any], str | None]


def identity_of(run: TrainingRun) -> dict[str, Any]:
    """Return all facts of a training, as plain data for its checkpoints."""
    return {fact.name: fact.of(run) for fact in FACTS}


def require_same_in_processes(run: TrainingRun) -> None:
    """Check that all processes of a training have the same rules and validation rows, if there are several.

    ``fit`` compares the other options, and the engine the network, the rows and the parameters.

    Raises:
        TrainingError E632: the processes differ.
    """

    def options() -> Iterator[tuple[Any, object]]:
        yield fact("the option {name}", name="callbacks"), [str(rule) for rule in run.rules]
        for one in FACTS:
            if one.name in OF_PROCESSES:
                yield fact("the option {name}", name=one.name), one.of(run)
        yield fact("the validation rows"), run.evaluator and data_fingerprint(run.evaluator.rows)

    require_same_options(options, run.network.engine)


def require_same_training(
    saved: Any, now: Mapping[str, Any], where: str, network: Network, except_for: Collection[str] = ()
) -> None:
    """Refuse to resume another training than the saved one.

    Args:
        saved: the identity in a checkpoint, as it was read.
        now: the identity of the present training.
        where: the run folder.
        network: the present network, whose layers are named in the error.
        except_for: names of facts that may differ.

    Raises:
        FileError E505: the identities differ; all differences are listed.
    """
    saved = saved if isinstance(saved, dict) else {}
    compared = [fact for fact in FACTS if fact.name not in except_for]
    different = {f.name: text for f in compared if (text := f.differs(saved.get(f.name), now[f.name]))}
    differences = list(different.values())
    fix = fact("the previous options, data and code, or another folder for a new training")
    if list(different) == ["epochs"]:
        fix = fact(
            "epochs={epochs}, or model.fit(..., warm_start=True), which starts a new schedule",
            epochs=str(saved.get("epochs")),
        )
    elif list(different) == [ENGINE]:
        fix = f'engine="{saved.get(ENGINE)}"'
    elif list(different) == [ENGINES_BEFORE]:
        fix = "model.explain(x, y)"
    if not differences:
        differences = _other_code(saved.get("computation"), now["computation"], network)
    if differences:
        expected = fact("the same network, data, code and options as before")
        raise FileError(
            "E505", where=where, expected=expected, received=differences[0], notes=differences[1:], fix=fix
        )


def _other_code(saved: Any, now: Mapping[str, str], network: Network) -> list[str]:
    """Return the part whose computation differs although all settings are equal."""
    saved = saved if isinstance(saved, dict) else {}
    part = first_difference(saved, now, network)
    return [] if part is None else [fact("other code with equal settings: {names}", names=part)]


@contextmanager
def planned_as(recorded: Any) -> Iterator[None]:
    """Plan for the number of cores of an earlier training, inside a ``with`` block.

    Args:
        recorded: the number in a checkpoint's identity or a model's facts; other values are ignored.
            ``settings.cores`` has precedence; if it differs from the number in a checkpoint, the training is
            refused as another one.
    """
    is_count = isinstance(recorded, int) and not isinstance(recorded, bool) and 1 <= recorded <= MAX_CORES
    with settings.using(cores=settings.cores or (recorded if is_count else planning_cores())):
        yield


# --- comparing


def difference(saved: Any, now: Any, path: str) -> str | None:
    """Return the path of the first difference of two values of plain data, with both; ``None``: equal.

    Example:
        >>> difference({"layers": [{"units": 3}]}, {"layers": [{"units": 4}]}, "net")
        'net.layers[0].units: 3, now 4'
    """
    if isinstance(saved, dict) and isinstance(now, Mapping):
        for key in dict.fromkeys([*now, *saved]):
            text = difference(saved.get(key, ABSENT), now.get(key, ABSENT), f"{path}.{key}")
            if text is not None:
                return text
        return None
    if isinstance(saved, list) and isinstance(now, list | tuple):
        parts = (difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(saved, now, strict=False)))
        count = (
            fact("{name}: {before} parts, now {now}", name=path, before=len(saved), now=len(now))
            if len(saved) != len(now)
            else None
        )
        return next((part for part in parts if part is not None), count)
    is_same = saved == now and isinstance(saved, bool) == isinstance(now, bool)
    return (
        None
        if is_same
        else fact("{name}: {before}, now {now}", name=path, before=_brief(saved), now=_brief(now))
    )


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."


def _plain(name: str, of: Callable[[TrainingRun], Any]) -> Fact:
    return Fact(name, of, lambda saved, now: difference(saved, now, name))


def _epochs_differ(saved: Any, now: Any) -> str | None:
    """Return the difference of the numbers of epochs, if the learning rate schedule depends on them."""
    text = difference(saved, now, "epochs")
    if text is None or saved is None or now is None:
        return text
    return fact("{difference}: the learning rate schedule depends on it", difference=text)


def _other_engines(saved: Any, now: Any) -> str | None:
    """Return that a training was resumed on another engine; it cannot be repeated on one."""
    if not isinstance(saved, list) or not saved:
        return None
    return fact(
        "its first steps were computed by another engine: {names}", names=_brief(", ".join(map(str, saved)))
    )


def _start_differs(saved: Any, now: Any) -> str | None:
    """Return the difference of the initial parameters; ``None`` where they are equal or cannot be compared.

    In the process that was interrupted, the model has trained parameters by now, with ``warm_start`` or after
    its parameters were set by the user. The initial parameters are then those of the checkpoint, without
    comparison.
    """
    if saved is None or now is None:
        return None
    if isinstance(saved, dict) and saved.get("given") and now.get("sampled"):
        return None
    return difference(saved, now, "initial parameters")


def _code_differs(saved: Any, now: Any) -> str | None:
    """Return the custom code that differs; it is not compared between two versions of Python."""
    saved = saved if isinstance(saved, dict) else {}
    if saved.get("python") != now.get("python"):
        return None
    changed = [name for name in saved.keys() & now.keys() if saved[name] != now[name]]
    return (
        fact("other code with equal settings: {names}", names=", ".join(sorted(changed))) if changed else None
    )


# --- the facts


def depends_on_horizon(schedule: Schedule) -> bool:
    """Return whether the learning rate depends on the total number of updates.

    Nodes of equal computations are the same node, so the nodes for two horizons are compared.

    Example:
        >>> from chainrule.nn import Constant, Cosine
        >>> schedules = Constant(0.1), Cosine(0.1), Cosine(0.1, decay_steps=50)
        >>> [depends_on_horizon(schedule) for schedule in schedules]
        [False, True, False]
    """
    step = input_node("step", (), "float64", "step")
    short, long = schedule(step, 10**6), schedule(step, 2 * 10**6)
    return short is not long


def data_fingerprint(data: Arrays) -> str:
    """Return the SHA-256 of all arrays of the rows: inputs, targets and weights."""
    digest = hashlib.sha256()
    for group in (data.x, data.y, {"weights": data.weights}):
        for name, array in sorted(group.items()) if isinstance(group, dict) else [("", group)]:
            if array is not None:
                digest.update(f"{name} {array.dtype} {array.shape}".encode())
                _add_rows(digest, array if array.ndim else array[None])
    return digest.hexdigest()


def _add_rows(digest: hashlib._Hash, array: np.ndarray) -> None:
    """Hash an array in blocks of rows: it may be larger than memory."""
    for start in range(0, len(array), ROWS_HASHED):
        digest.update(np.ascontiguousarray(array[start : start + ROWS_HASHED]).data)


def _data(run: TrainingRun) -> str:
    """Return the fingerprint of the training rows; of a private training, only their number.

    A fingerprint would reveal a row to anyone who has all others.
    """
    return f"{run.data.rows} private rows" if run.mechanism is not None else data_fingerprint(run.data)


def _record(part: Any) -> Any:
    return None if part is None else nn.to_record(part)


def _digest(record: Any) -> str:
    return hashlib.sha256(json_document.to_text(record).encode()).hexdigest()


def _augmentation(run: TrainingRun) -> Augmentation | None:
    return None if run.augmentation is None else run.augmentation.augmentation


def _vocabularies(model: ModelState) -> dict[str, str]:
    return {name: _digest(tokenizer.to_record()) for name, tokenizer in model.tokenizers.items()}


def _preparation(model: ModelState) -> str | None:
    return None if model.preparation is None else _digest(model.preparation.to_record())


def _horizon(schedule: Schedule, epochs: int) -> int | None:
    """Return the number of epochs, if the learning rate depends on it; ``None``: the number may change."""
    return epochs if depends_on_horizon(schedule) else None


def _start(run: TrainingRun) -> dict[str, str] | None:
    """Return the origin of the initial parameters: graphs that sample them by the seed, or given arrays."""
    if run.model.is_given:
        arrays = {path: np.ascontiguousarray(array) for path, array in run.model.arrays.items()}
        return {"given": data_fingerprint(Arrays(arrays, {}))}
    return None if run.options.warm_start else {"sampled": fingerprint(run.network.initial_values.outputs)}


def _custom_code(run: TrainingRun) -> dict[str, str]:
    """Return the fingerprints of custom Python code that affects a training."""
    augmentation, evaluator = _augmentation(run), run.evaluator
    parts = [*run.rules, *(() if augmentation is None else (*augmentation.transforms, *augmentation.mix))]
    metrics = [] if evaluator is None else [m for metrics in evaluator.metrics.values() for m in metrics]
    named = {type(part).__name__: part for part in parts}
    return code_fingerprints({**named, **{f"metric {metric.label}": metric.measure for metric in metrics}})


FACTS: tuple[Fact, ...] = (
    _plain("net", lambda run: nn.to_record(run.model.recipe.net)),
    _plain("loss", lambda run: {n: nn.to_record(x) for n, x in run.network.losses.items()}),
    _plain("optimizer", lambda run: nn.to_record(run.model.recipe.optimizer)),
    _plain("penalty", lambda run: _record(run.model.recipe.penalty)),
    _plain("clip", lambda run: _record(run.model.recipe.clip)),
    _plain("dtype", lambda run: run.model.recipe.dtype),
    _plain("frozen", lambda run: list(run.model.recipe.frozen)),
    _plain("loss_weights", lambda run: dict(run.model.recipe.loss_weights)),
    _plain(ENGINE, lambda run: run.model.engine or settings.engine),
    Fact(ENGINES_BEFORE, lambda run: None, _other_engines),
    # float32 has no entry, as in checkpoints of versions without other precisions.
    _plain("precision", lambda run: None if run.network.precision == "float32" else run.network.precision),
    # The number of cores determines the partition of a batch, and so the order of its sums.
    _plain("cores", lambda run: planning_cores()),
    _plain("portable_bits", lambda run: settings.portable_bits),
    Fact(
        "epochs",
        lambda run: _horizon(run.model.recipe.optimizer.schedule, run.options.epochs),
        _epochs_differ,
    ),
    _plain("batch_size", lambda run: run.order.batch_size),
    _plain("shuffle", lambda run: run.order.shuffle),
    _plain("buckets", lambda run: run.order.width if isinstance(run.order, Buckets) else None),
    _plain("seed", lambda run: run.seed),
    _plain("augmentation", lambda run: (augmentation := _augmentation(run)) and augmentation.to_record()),
    _plain("robust", lambda run: None if run.options.robust is None else repr(run.options.robust)),
    _plain("privacy", lambda run: run.mechanism and f"{run.mechanism.privacy}, {run.mechanism.steps} steps"),
    _plain("rules", lambda run: [f"{rule}" for rule in run.rules]),
    _plain("metrics", lambda run: run.evaluator and run.evaluator.metric_names),
    _plain("data", _data),
    _plain("validation", lambda run: run.evaluator and data_fingerprint(run.evaluator.rows)),
    # The data contains class indices: renamed labels do not change it.
    _plain("labels", lambda run: {name: list(t.labels) for name, t in run.model.targets.items()}),
    _plain("preparation", lambda run: _preparation(run.model)),
    _plain("tokenizers", lambda run: _vocabularies(run.model)),
    Fact("start", _start, _start_differs),
    Fact("code", _custom_code, _code_differs),
    # Compared last, and only where all other facts are equal: it names the code that changed.
    Fact("computation", lambda run: computation(run.network, run.step), lambda *both: None),
)


VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBRARIES = (__name__.partition(".")[0], "abc", "typing", "dataclasses", "numpy")


def code_fingerprints(things: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprint of each custom function, or of the class of each custom object, by name.

    Example:
        >>> code_fingerprints({"a": len})  # not custom code
        {}
    """
    fingerprints: dict[str, str] = {}
    for name, thing in things.items():
        text = "\n".join(_function(function) for function in _functions(thing))
        if text:
            fingerprints[name] = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return {**fingerprints, "python": VERSION} if fingerprints else {}


def _functions(thing: Any) -> Iterator[FunctionType]:
    """Yield the custom functions of an object: itself, or the methods of its class."""
    thing = getattr(thing, "__func__", thing)
    if isinstance(thing, FunctionType) and _is_custom(thing):
        yield thing
    elif isinstance(thing, FunctionType):  # a function of this package around custom ones
        for cell in thing.__closure__ or ():
            yield from _functions(cell.cell_contents) if callable(cell.cell_contents) else ()
    else:
        members = (item for base in type(thing).__mro__ for item in sorted(vars(base).items()))
        functions = (getattr(value, "__func__", getattr(value, "fget", value)) for _, value in members)
        yield from (f for f in functions if isinstance(f, FunctionType) and _is_custom(f))


def _is_custom(function: FunctionType) -> bool:
    """Return whether a function is custom: neither of this package nor of a library in ``LIBRARIES``."""
    return (function.__module__ or "").partition(".")[0] not in LIBRARIES


def _function(function: FunctionType) -> str:
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    values = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values(), *cells]
    return f"{_code(function.__code__, function.__doc__)} {[_value(v) for v in values]}"


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _code(code: CodeType, doc: str | None = None) -> str:
    constants = [_value(c) for c in code.co_consts]
    if doc is not None and constants:
        constants[0] = "None"  # the docstring
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def _value(value: Any) -> str:
    """Return a constant as a string that is equal in every process."""
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, FunctionType):
        return _function(value)
    if isinstance(value, frozenset | set):
        return str(sorted(map(_value, value)))
    if isinstance(value, tuple | list):
        return f"({','.join(map(_value, value))})"
    is_plain = value is None or isinstance(value, bool | int | float | complex | str | bytes)
    return repr(value) if is_plain else type(value).__name__
