"""The identity of a training: all that must be the same for a resumed training to be the interrupted one.

Each fact is one row of ``FACTS``: its name in the checkpoint, its value as plain data, and how two values are
compared. To make another fact part of the identity, such as one of the machine, add a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import nn
from chainrule.data import Arrays
from chainrule.errors import FileError
from chainrule.graph import fingerprint, input_node
from chainrule.nn.schedule import Schedule
from chainrule.records import frozen
from chainrule.settings import planning_cores, settings
from chainrule.store import json_document
from chainrule.train.checkpoint.code_fingerprint import code_fingerprints
from chainrule.train.checkpoint.computation_fingerprint import computation, first_difference
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.training_run import TrainingRun

if TYPE_CHECKING:
    from chainrule.data.augmentation import Augmentation

SHOWN = 60  # characters of a value in an error
ABSENT = "nothing"
MOST_CORES = 1024  # as in the settings
ROWS_HASHED = 4096  # rows of an array that are hashed at a time


@frozen
class Fact:
    """Something that must not change between an interrupted training and its resumption.

    Args:
        name: its key in the checkpoint.
        of: its value for a training, as plain data (JSON).
        differs: from the saved value and the value now, what differs in words; ``None`` where nothing does.
    """

    name: str
    of: Callable[[TrainingRun], Any]
    differs: Callable[[Any, Any], str | None]


def identity_of(run: TrainingRun) -> dict[str, Any]:
    """All facts of a training, as plain data for its checkpoints."""
    return {fact.name: fact.of(run) for fact in FACTS}


def same_training(saved: Any, now: Mapping[str, Any], where: str, network: Network) -> None:
    """Refuse to go on with another training than the one saved.

    Args:
        saved: the identity in a checkpoint, as it was read.
        now: the identity of the training that was asked for.
        where: the folder.
        network: what is to be trained; its layers are named.

    Raises:
        FileError E505: they differ; says in what, all at once.
    """
    saved = saved if isinstance(saved, dict) else {}
    wrong = [text for fact in FACTS if (text := fact.differs(saved.get(fact.name), now[fact.name]))]
    if not wrong:
        wrong = _other_code(saved.get("computation"), now["computation"], network)
    if wrong:
        raise FileError(
            "E505", where=where, expected="the same net, data, code and options as before", received=wrong[0],
            notes=wrong[1:], fix="the options, data and code of before, or another folder for a new training",
        )  # fmt: skip


def _other_code(saved: Any, now: Mapping[str, str], network: Network) -> list[str]:
    """What computes something else than before, although every setting is the same."""
    saved = saved if isinstance(saved, dict) else {}
    part = first_difference(saved, now, network)
    return [] if part is None else [f"other code with equal settings: {part}"]


@contextmanager
def planned_as(recorded: Any) -> Iterator[None]:
    """Plan for as many cores as an earlier training of the same RUN, inside a ``with`` block.

    Args:
        recorded: the number in a checkpoint's identity or a model's facts; anything else counts as none. A
        number in
            ``settings.cores`` has precedence: where it differs, the training is refused as another one.
    """
    is_count = isinstance(recorded, int) and not isinstance(recorded, bool) and 1 <= recorded <= MOST_CORES
    with settings.using(cores=settings.cores or (recorded if is_count else planning_cores())):
        yield


# --- comparing


def difference(saved: Any, now: Any, path: str) -> str | None:
    """The first place where two values of plain data differ, and the values there.

    Example:
        >>> difference({"layers": [{"units": 3}]}, {"layers": [{"units": 4}]}, "net")
        'net.layers[0].units: 3, now 4'
    """
    if isinstance(saved, dict) and isinstance(now, Mapping):
        for key in dict.fromkeys([*now, *saved]):
            found = difference(saved.get(key, ABSENT), now.get(key, ABSENT), f"{path}.{key}")
            if found is not None:
                return found
        return None
    if isinstance(saved, list) and isinstance(now, list | tuple):
        parts = (difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(saved, now, strict=False)))
        count = f"{path}: {len(saved)} parts, now {len(now)}" if len(saved) != len(now) else None
        return next((part for part in parts if part is not None), count)
    same = saved == now and isinstance(saved, bool) == isinstance(now, bool)
    return None if same else f"{path}: {_brief(saved)}, now {_brief(now)}"


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _plain(name: str, of: Callable[[TrainingRun], Any]) -> Fact:
    return Fact(name, of, lambda saved, now: difference(saved, now, name))


def _start_differs(saved: Any, now: Any) -> str | None:
    """How the initial parameters differ, as far as that is known.

    In the process that was interrupted a model no longer knows that its parameters were set by hand, and with
    ``warm_start`` it has others by now: then the checkpoint decides, and nothing is compared.
    """
    if saved is None or now is None:
        return None
    if isinstance(saved, dict) and saved.get("given") and now.get("sampled"):
        return None
    return difference(saved, now, "initial parameters")


def _code_differs(saved: Any, now: Any) -> str | None:
    """Which Python code differs; nothing is compared between two versions of Python."""
    saved = saved if isinstance(saved, dict) else {}
    if saved.get("python") != now.get("python"):
        return None
    changed = [name for name in saved.keys() & now.keys() if saved[name] != now[name]]
    return f"other code with equal settings: {', '.join(sorted(changed))}" if changed else None


# --- the facts


def looks_ahead(schedule: Schedule) -> bool:
    """Whether the rate of a step depends on how long the whole training is to be.

    Nodes that compute the same are one node, so the question is answered by asking for the rate twice.

    Example:
        >>> from chainrule.nn import Constant, Cosine
        >>> looks_ahead(Constant(0.1)), looks_ahead(Cosine(0.1)), looks_ahead(Cosine(0.1, decay_steps=50))
        (False, True, False)
    """
    step = input_node("step", (), "float64", "step")
    short, long = schedule(step, 10**6), schedule(step, 2 * 10**6)
    return short is not long


def data_fingerprint(data: Arrays) -> str:
    """SHA-256 over every number of the training rows."""
    digest = hashlib.sha256()
    for group in (data.x, data.y, {"weights": data.weights}):
        for name, array in sorted(group.items()) if isinstance(group, dict) else [("", group)]:
            if array is not None:
                digest.update(f"{name} {array.dtype} {array.shape}".encode())
                _add_rows(digest, array if array.ndim else array[None])
    return digest.hexdigest()


def _add_rows(digest: hashlib._Hash, array: np.ndarray) -> None:
    """Hash an array some rows at a time: it may be larger than memory."""
    for start in range(0, len(array), ROWS_HASHED):
        digest.update(np.ascontiguousarray(array[start : start + ROWS_HASHED]).data)


def _record(part: Any) -> Any:
    return None if part is None else nn.to_record(part)


def _digest(record: Any) -> str:
    return hashlib.sha256(json_document.to_text(record).encode()).hexdigest()


def _augmentation(run: TrainingRun) -> Augmentation | None:
    return None if run.augmentation is None else run.augmentation.augmentation


def _vocabularies(model: ModelState) -> dict[str, str]:
    return {name: _digest(each.to_record()) for name, each in model.tokenizers.items()}


def _preparation(model: ModelState) -> str | None:
    return None if model.preparation is None else _digest(model.preparation.to_record())


def _horizon(schedule: Schedule, epochs: int) -> int | None:
    """How many epochs the learning rate depends on, if it does: else a training may be made longer."""
    return epochs if looks_ahead(schedule) else None


def _start(run: TrainingRun) -> dict[str, str] | None:
    """Where a training begins: sampled by the seed from these formulas, or given."""
    if run.model.is_given:
        held = {path: np.ascontiguousarray(array) for path, array in run.model.arrays.items()}
        return {"given": data_fingerprint(Arrays(held, {}))}
    return None if run.options.warm_start else {"sampled": fingerprint(run.network.initial_values.outputs)}


def _own_code(run: TrainingRun) -> dict[str, str]:
    """The plain Python of a user that decides how a training goes."""
    augmentation, evaluator = _augmentation(run), run.evaluator
    parts = [*run.rules, *(() if augmentation is None else (*augmentation.transforms, *augmentation.mix))]
    metrics = [] if evaluator is None else [each for many in evaluator.metrics.values() for each in many]
    named = {type(part).__name__: part for part in parts}
    return code_fingerprints({**named, **{f"metric {each.label}": each.measure for each in metrics}})


FACTS: tuple[Fact, ...] = (
    _plain("net", lambda run: nn.to_record(run.model.recipe.net)),
    _plain("loss", lambda run: {n: nn.to_record(x) for n, x in run.network.losses.items()}),
    _plain("optimizer", lambda run: nn.to_record(run.model.recipe.optimizer)),
    _plain("penalty", lambda run: _record(run.model.recipe.penalty)),
    _plain("clip", lambda run: _record(run.model.recipe.clip)),
    _plain("dtype", lambda run: run.model.recipe.dtype),
    _plain("frozen", lambda run: list(run.model.recipe.frozen)),
    _plain("engine", lambda run: run.model.engine or settings.engine),
    # The split of a batch depends on it, and with it the order of sums.
    _plain("cores", lambda run: planning_cores()),
    _plain("portable_bits", lambda run: settings.portable_bits),
    _plain("epochs", lambda run: _horizon(run.model.recipe.optimizer.schedule, run.options.epochs)),
    _plain("batch_size", lambda run: run.order.batch_size),
    _plain("shuffle", lambda run: run.order.shuffle),
    _plain("buckets", lambda run: None if run.trimming is None else run.trimming.width),
    _plain("seed", lambda run: run.seed),
    _plain("augmentation", lambda run: (found := _augmentation(run)) and found.to_record()),
    _plain("rules", lambda run: [f"{rule}" for rule in run.rules]),
    _plain("metrics", lambda run: run.evaluator and run.evaluator.metric_names),
    _plain("data", lambda run: data_fingerprint(run.data)),
    _plain("validation", lambda run: run.evaluator and data_fingerprint(run.evaluator.rows)),
    # The data holds numbers of classes: classes that were renamed leave it as it was.
    _plain("labels", lambda run: {name: list(t.labels) for name, t in run.model.targets.items()}),
    _plain("preparation", lambda run: _preparation(run.model)),
    _plain("tokenizers", lambda run: _vocabularies(run.model)),
    Fact("start", _start, _start_differs),
    Fact("code", _own_code, _code_differs),
    # Compared last, and only where all else is equal: then it names the code that changed.
    Fact("computation", lambda run: computation(run.network, run.step), lambda *both: None),
)
