"""Errors for calls that do not match a signature, with the call that was probably meant."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import MISSING, fields
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from chainrule.errors.exceptions import CallError, nearest
from chainrule.messages import fact, join_facts
from chainrule.records import frozen

# Source text of calls, values and signatures for messages.

SIZE = 16  # maximum number of elements that are written out
WIDTH = 150  # maximum length of a list of arguments


def call_text(name: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the source text of a call."""
    words = [*map(value_text, args), *(f"{key}={value_text(value)}" for key, value in named.items())]
    return f"{name}({', '.join(words)})"


def value_text(value: Any) -> str:
    """Return the source text of a value, or ``...`` if it is long or has none."""
    if isinstance(value, str | bytes | bool | int | float | None):
        return repr(value)[:80]
    if isinstance(value, list | tuple):
        inside = ", ".join(map(value_text, value[:SIZE])) + (", ..." if len(value) > SIZE else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        text = str(value)
        return f"cr.{text}" if len(text) < 80 and not text.startswith("<") else "..."
    plain = plain_value(value)
    return "..." if plain is value else value_text(plain)


def signature_text(cls: Any) -> str:
    """Return the signature of a block as source text.

    Example:
        >>> from chainrule.nn import GroupNorm
        >>> signature_text(GroupNorm)
        'GroupNorm(groups, *, epsilon=1e-05, scale=True, shift=True)'
    """
    words: list[str] = []
    for f in (f for f in fields(cls) if f.init):
        if f.kw_only and "*" not in words:
            words.append("*")
        default = "" if f.default is MISSING and f.default_factory is MISSING else f"={value_text(f.default)}"
        if sum(map(len, words)) > WIDTH:
            return f"{cls.__name__}({', '.join(words)}, ...)"
        words.append(f.name + default)
    return f"{cls.__name__}({', '.join(words)})"


def plain_value(value: Any) -> Any:
    """Return a short array as a list or number; any other value unchanged."""
    is_short = callable(getattr(value, "tolist", None)) and getattr(value, "ndim", 2) < 2
    return value.tolist() if is_short else value


# Argument names of PyTorch, Keras and scikit-learn, with the arguments of chainrule that correspond to them.
#
# ``translated`` converts one foreign argument to arguments of chainrule. A row of the table may list several
# names of chainrule: the first one in the signature of the callee applies.

_TABLE = """
lr, learning_rate, learning_rate_init, initial_learning_rate, initial_lr, max_lr = learning_rate
lr, learning_rate, initial_lr = initial_learning_rate
lr, learning_rate, max_lr = max_learning_rate
rate = learning_rate
eps, epsilon = epsilon
decay, wd = weight_decay
momentum, beta = momentum
alpha = rho
use_bias = bias
out_features, hidden_size, units, hidden_dim, hidden_units, n_units = units
output_dim, embedding_dim, neurons = units
filters, out_channels, n_filters = channels
kernel, filter_size = kernel_size
pool_size, window = kernel_size
strides = stride
dilation_rate = dilation
p, prob, drop_prob, dropout_rate, rate = rate dropout p
num_heads, n_heads, nhead = heads
n_layers, layers = num_layers
num_embeddings, input_dim, vocab_size, num_words, vocabulary = vocabulary_size
act, activation_fn, nonlinearity, activation_function = activation
kernel_initializer, weight_init, init = weight_initializer
bias_init = bias_initializer
recurrent_init = recurrent_initializer
kernel_regularizer, regularizer, weight_penalty = penalty
affine, elementwise_affine = scale
center = shift
target_shape, unflattened_size = shape
join = merge_mode mode
tol, threshold = min_delta
n_epochs, num_epochs, nb_epoch, max_epochs, max_iter, num_train_epochs, n_iter, iterations = epochs
batch, bs, batchsize, per_device_train_batch_size = batch_size
validation_split, validation_data, validation_fraction, val_data, val, eval_set = validation
random_state, random_seed = seed
callback = callbacks
optim, opt, solver = optimizer
criterion, loss_fn, loss_function, objective = loss
net, network, module = net
regularizer, regularization = penalty
metric = metrics
classes, class_weights = class_weight
sample_weights = sample_weight
clipnorm, max_grad_norm, gradient_clip_val = clip
checkpoint_dir, output_dir, log_dir, default_root_dir = run
warmstart = warm_start
device, name, inplace, jit_compile, run_eagerly, num_workers, n_jobs, workers, pin_memory, requires_grad =
trainable, input_shape, batch_input_shape, in_features, in_channels, input_size, batch_first, data_format =
restore_best_weights, save_best_only, use_multiprocessing, max_queue_size =
foreach, fused, maximize, capturable, differentiable =
"""
# Arguments that combine several, and arguments with other names and other values.
_COMBINED: Mapping[str, tuple[str, ...]] = {"betas": ("beta1", "beta2")}
_VALUES: Mapping[tuple[str, Any], tuple[str, Any]] = {
    ("return_sequences", True): ("returns", "sequence"),
    ("return_sequences", False): ("returns", "last"),
    ("go_backwards", True): ("reverse", True),
}
# Arguments that belong elsewhere: callee and argument, with the explanation.
_ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("Group", "lr"): fact("learning_rate_factor multiplies the learning rate of the optimizer"),
    ("Group", "learning_rate"): fact("learning_rate_factor multiplies the learning rate of the optimizer"),
    ("fit", "lr"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("fit", "learning_rate"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("fit", "optimizer"): fact("the model has the optimizer: cr.Model(net, loss, cr.Adam(0.001))"),
    ("fit", "loss"): fact("the model has the loss: cr.Model(net, loss, cr.Adam(0.001))"),
    ("fit", "loss_weights"): fact(
        "the model has the loss weights: cr.Model(net, losses, loss_weights={{...}})"
    ),
    ("Model", "lr"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("Model", "learning_rate"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("Model", "epochs"): fact("an argument of fit"),
    ("Model", "batch_size"): fact("an argument of fit"),
}
REASONS: Mapping[str, str] = {
    "restore_best_weights": fact("the best weights are always restored"),
    "device": fact("arrays stay in the memory of the CPU"),
    "in_features": fact("inferred from the input"),
    "in_channels": fact("inferred from the input"),
    "input_size": fact("inferred from the input"),
    "input_shape": fact("inferred from the input"),
    "batch_first": fact("the batch is always the first axis"),
    "data_format": fact("channels are always the last axis"),
}


def _rows() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for line in filter(None, _TABLE.splitlines()):
        names, _, ours = line.partition("=")
        for name in names.strip().split(", "):
            table[name] = (*table.get(name, ()), *ours.split())
    return table


ARGUMENTS = _rows()


def translated(name: str, value: Any, known: Collection[str], callee: str = "") -> dict[str, Any] | None:
    """Translate an argument of another library.

    Args:
        name: the foreign argument.
        known: the arguments of the callee.
        callee: name of the class or function.

    Returns:
        Arguments with values; empty if the argument is not needed; ``None`` if the name is unknown.

    Example:
        >>> translated("lr", 0.1, ["learning_rate", "momentum"]), translated("device", "cpu", ["units"])
        ({'learning_rate': 0.1}, {})
        >>> translated("betas", (0.9, 0.99), ["beta1", "beta2"])
        {'beta1': 0.9, 'beta2': 0.99}
    """
    if (callee, name) in _ELSEWHERE:
        return {}
    if isinstance(value, bool) and (pair := _VALUES.get((name, value))) and pair[0] in known:
        return dict([pair])
    parts = _COMBINED.get(name, ())
    if parts and set(parts) <= set(known) and isinstance(value, list | tuple) and len(value) == len(parts):
        return dict(zip(parts, value, strict=True))
    ours = next((own for own in ARGUMENTS.get(name, ()) if own in known), None)
    if ours is not None:
        return {ours: value}
    return {} if ARGUMENTS.get(name) == () else None


def reason(name: str, callee: str = "") -> str:
    """Return why an argument of another library is not needed; ``""`` if no reason is listed.

    Example:
        >>> reason("batch_first"), reason("activation")
        ('the batch is always the first axis', '')
    """
    return _ELSEWHERE.get((callee, name)) or REASONS.get(name, "")


TABLE = Path(__file__).with_name("peer_calls.toml")
_FLAGS = ("from_logits", "inplace", "affine", "bias", "use_bias", "batch_first", "ceil_mode", "size_average")
_is_trying = ContextVar(
    "_is_trying", default=False
)  # set while an interpretation is tried, whose message is not needed


@frozen
class PeerCall:
    """The arguments of a block in another library.

    Args:
        name: library and name, such as ``"PyTorch Conv2d"``.
        arguments: its arguments in order, each with the field of chainrule, ``"?"`` (inferred) or ``"-"``
            (none).
        required: number of required arguments.
        extra: fields that only chainrule requires, with a value.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    required: int
    extra: tuple[tuple[str, Any], ...] = ()


@cache
def peer_calls() -> Mapping[str, tuple[PeerCall, ...]]:
    """Return the order of the arguments of each block in other libraries."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {block: tuple(map(_parsed, lines)) for block, lines in table.items()}


def _parsed(line: str) -> PeerCall:
    """Parse one line of the table.

    Example:
        >>> _parsed("PyTorch Linear: in_features=? out_features=units | bias").arguments
        (('in_features', '?'), ('out_features', 'units'), ('bias', 'bias'))
    """
    name, _, text = line.partition(":")
    words = text.split()
    extra = tuple(
        (key[1:], float(value)) for key, _, value in (w.partition("=") for w in words if w[0] == "+")
    )
    words = [word for word in words if word[0] != "+"]
    required = words.index("|") if "|" in words else len(words)
    pairs = (word.partition("=") for word in words if word != "|")
    return PeerCall(name, tuple((theirs, ours or theirs) for theirs, _, ours in pairs), required, extra)


def refuse_call(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse a call of a block with invalid arguments.

    Args:
        cls: class of the block, a record.
        args: positional arguments.
        named: keyword arguments.

    Raises:
        UsageError E131: always.
    """
    if _is_trying.get():
        raise CallError("E131", name=cls.__name__)
    token = _is_trying.set(True)
    try:
        readings = sorted(_readings(cls, args, named), key=lambda reading: reading[0])
        own = _own_reading(cls, args, named)
        if own and named and _is_positional(cls, args) and own[0] <= min([own[0], *(r[0] for r in readings)]):
            readings.insert(0, own)
        elif own and (not readings or own[0] == 0):
            readings.append(own)
    finally:
        _is_trying.reset(token)
    calls = list(dict.fromkeys(call for _, call, _ in readings))
    notes = {
        call: fact("{note}: {call}", note=note, call=call) if len(calls) > 1 else note
        for _, call, note in reversed(readings)
        if note
    }
    raise CallError(
        "E131",
        where=cls.__name__,
        name=cls.__name__,
        expected=signature_text(cls),
        received=call_text(cls.__name__, args, named),
        fix=calls[0] if calls else f"help(cr.{cls.__name__})",
        notes=reversed(notes.values()),
    )


def _readings(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Yield interpretations as calls of other libraries: number of arguments lost, call, and remark."""
    for peer in peer_calls().get(cls.__name__, ()):
        settings = _translated(cls, peer, args, named)
        if settings is None or (reading := _accepted(cls, settings)) is None:
            continue
        call, lost = reading
        positional = peer.arguments[: max(peer.required, len(args))]
        used = [pair for pair in peer.arguments if pair in peer.arguments[: len(args)] or pair[0] in named]
        inferred = [theirs for theirs, own in used if own == "?"]
        lost = [theirs for theirs, own in peer.arguments if own in lost]
        lost += [theirs for theirs, own in used if own == "-"]
        words = [theirs for theirs, _ in positional]
        words += [f"{name}=" for name in named if name not in words]
        text = f"{peer.name}({', '.join(words)})"
        yield len(lost), call, join_facts("; ", [text, *_remarks(inferred, lost)])


def _own_reading(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """Return the reading in the argument order of chainrule, foreign and misspelled names replaced."""
    known = [f.name for f in fields(cls) if f.init]
    settings, renamed, dropped = own_arguments(cls.__name__, named, known, _peer_names(cls))
    reading = _accepted(cls, dict(zip(known, args, strict=False)) | settings)
    if len(args) > len(known) or reading is None:
        return None
    call, lost = reading
    dropped += [name for name, own in renamed.items() if own in lost]
    dropped += [name for name in named if name in lost]
    renamed = {name: own for name, own in renamed.items() if own not in lost}
    return len(lost) + len(dropped), call, join_facts("; ", call_remarks(cls.__name__, renamed, dropped))


def own_arguments(
    callee: str, named: Mapping[str, Any], known: Sequence[str], peer_names: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Translate keyword arguments to those of chainrule.

    Args:
        callee: name of the class or function.
        known: arguments of the callee.
        peer_names: argument names of the callee in other libraries, each with the name in chainrule, ``"?"``
            or ``"-"``.

    Returns:
        The arguments; the replaced names, each with its replacement; the names that were dropped.
    """
    settings: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    dropped: list[str] = []
    for name, value in named.items():
        own = peer_names.get(name, "")
        arguments = translated(name, plain_value(value), known, callee)
        if name in known or own in known:
            arguments = {name if name in known else own: value}
        elif arguments is None and not own and (close := nearest(name, known)) and close not in named:
            arguments = {close: value}
        settings |= arguments or {}
        if not arguments:
            dropped.append(name)
        elif name not in arguments:
            renamed[name] = ", ".join(arguments)
    return settings, renamed, dropped


def _peer_names(cls: Any) -> dict[str, str]:
    """Return the argument names of a block in other libraries, each with the name in chainrule."""
    return dict(pair for peer in peer_calls().get(cls.__name__, ()) for pair in peer.arguments)


def _is_positional(cls: Any, args: Sequence[Any]) -> bool:
    """Return whether a block takes this number of positional arguments."""
    return len(args) <= sum(f.init and not f.kw_only for f in fields(cls))


def call_remarks(callee: str, renamed: Mapping[str, str], dropped: Sequence[str]) -> list[str]:
    """Return the remarks on renamed and on dropped arguments.

    Example:
        >>> call_remarks("Dense", {"use_bias": "bias"}, ["in_features"])
        ['use_bias: here bias', 'in_features left out: inferred from the input']
    """
    names = [fact("{theirs}: here {own}", theirs=theirs, own=own) for theirs, own in renamed.items()]
    reasons = [
        fact("{name} left out: {text}", name=name, text=text)
        for name in dropped
        if (text := reason(name, callee))
    ]
    return [*names, *reasons, *_remarks([], [name for name in dropped if not reason(name, callee)])]


def _remarks(inferred: Sequence[str], lost: Sequence[str]) -> Sequence[str]:
    """Return the remarks on inferred and on dropped arguments."""
    remarks = [fact("{names} inferred", names=", ".join(inferred))] if inferred else []
    return [*remarks, fact("{names} left out", names=", ".join(lost))] if lost else remarks


def _translated(
    cls: Any, peer: PeerCall, args: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the fields for a call of another library; ``None`` if the call does not match its signature."""
    theirs = dict(peer.arguments)
    ours = {f.name for f in fields(cls) if f.init}
    if len(args) > len(peer.arguments) or any(name not in theirs and name not in ours for name in named):
        return None
    passed = {name for name, _ in peer.arguments[: len(args)]} | set(named)
    needed = [pair for pair in peer.arguments[: peer.required] if args or pair[1] != "?"]
    if any(name not in passed and own not in passed for name, own in needed):
        return None
    values = [*zip((name for name, _ in peer.arguments), args, strict=False), *named.items()]
    if any(not _is_plausible(name, value) for name, value in values):
        return None
    pairs = [(theirs.get(name, name), plain_value(value)) for name, value in values]
    return {**dict(peer.extra), **{own: value for own, value in pairs if own not in "?-"}}


def _is_plausible(name: str, value: Any) -> bool:
    """Return whether a value is plausible for an argument of another library."""
    if name in ("params", "optimizer"):
        return not isinstance(value, int | float | str)
    return name not in _FLAGS or isinstance(value, bool)


def _accepted(cls: Any, settings: dict[str, Any]) -> tuple[str, list[str]] | None:
    """Return the call with these arguments and the names of dropped ones; ``None`` if none is valid."""
    optional = [f.name for f in fields(cls) if f.default is not MISSING or f.default_factory is not MISSING]
    lost: list[str] = []
    while True:
        try:
            cls(**settings)
            _refuse_flags(cls, settings)
        except (TypeError, ValueError) as error:
            if (corrected := _corrected(settings, error)) != settings:
                settings = corrected
                continue
            dropped = next((name for name in reversed(settings) if name in optional), None)
            if dropped is None:
                return None
            lost.append(dropped)
            settings = {name: value for name, value in settings.items() if name != dropped}
        else:
            return _call(cls, settings), lost


def _corrected(settings: dict[str, Any], error: Exception) -> dict[str, Any]:
    """Return the arguments with a name replaced as the error suggests: ``"bilinear"`` by ``"linear"``."""
    name, _, word = getattr(error, "fix", "").partition("=")
    is_word = (
        isinstance(settings.get(name), str) and word[:1] == word[-1:] == '"' and word[1:-1] != settings[name]
    )
    return {**settings, name: word[1:-1]} if is_word else settings


def _refuse_flags(cls: Any, settings: Mapping[str, Any]) -> None:
    """Refuse a number for a boolean argument, which not every block checks."""
    for f in fields(cls):
        value, is_flag = settings.get(f.name, True), str(f.type) == "bool"
        if is_flag and not isinstance(value, bool):
            raise TypeError(f.name)


def _call(cls: Any, settings: Mapping[str, Any]) -> str:
    """Return the call in the argument order of chainrule, with keyword-only arguments by name."""
    leading: list[str] = []
    for f in fields(cls):
        if f.kw_only or f.name not in settings:
            break
        leading.append(f.name)
    rest = {name: value for name, value in settings.items() if name not in leading}
    return call_text(f"cr.{cls.__name__}", [settings[name] for name in leading], rest)


# Errors for calls of functions and methods that do not match the signature.
#
# Python's own message, "got an unexpected keyword argument 'validation_split'", does not help a user of
# Keras. ``explain_call`` wraps a function: a call that does not bind raises E131 with the closest call that
# does::
#
#     UsageError E131 in fit: the arguments do not match the signature of fit
#       expected  fit(x, y=None, *, epochs=100, batch_size=32, validation=None, ...)
#       received  fit(x, y, validation_split=0.2)
#                 validation_split: here validation
#       fix       model.fit(x, y, validation=0.2)
#
# The check runs after a call has failed, so a successful call costs only one more Python frame.

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)
_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_EXAMPLES: Mapping[str, str] = {"loss": '"cross_entropy"', "validation": "(x_val, y_val)"}


def explain_call(function: Callable[P, R], called: str, skip: int = 0) -> Callable[P, R]:
    """Wrap a function so that invalid arguments raise E131 instead of Python's ``TypeError``.

    Args:
        called: the callee as source text, such as ``"model.fit"``.
        skip: number of leading parameters that callers do not pass: 1 for ``self``.

    Example:
        >>> def halve(x, *, times=1):
        ...     return x / 2**times
        >>> try:
        ...     explain_call(halve, "halve")(3.0, tmes=2)
        ... except CallError as error:
        ...     error.fix
        'halve(3.0, times=2)'
    """

    @wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        try:
            return function(*args, **named)
        except TypeError:
            refusal = _refusal(function, called, args[skip:], named, skip)
            if refusal is None:  # the arguments match; the error is raised inside
                raise
        raise refusal

    return call


def explain_function_calls(function: Callable[P, R]) -> Callable[P, R]:
    """Return a decorator that applies ``explain_call`` to a public function ``cr.NAME``."""
    return explain_call(function, f"cr.{function.__name__}")


def explain_method_calls(receiver: str, name: str) -> Callable[[C], C]:
    """Return a class decorator that applies ``explain_call`` to every public method and ``__init__``.

    Args:
        receiver: name of an object of the class in suggested calls, such as ``"model"``.
        name: public name of the class, such as ``"Model"``.
    """

    def decorate(cls: C) -> C:
        for own, method in list(vars(cls).items()):
            if isinstance(method, FunctionType) and (own == "__init__" or not own.startswith("_")):
                called = f"cr.{name}" if own == "__init__" else f"{receiver}.{own}"
                setattr(cls, own, explain_call(method, called, 1))
        return cls

    return decorate


def _refusal(
    function: Callable[..., Any], called: str, args: Sequence[Any], named: Mapping[str, Any], skip: int
) -> CallError | None:
    """Return the error for arguments that do not match the signature; ``None`` if they match."""
    parameters = list(signature(function).parameters.values())[skip:]
    bare = Signature(parameters)
    if _binds(bare, args, named):
        return None
    name = called.rpartition(".")[2]
    known = [p.name for p in parameters if p.kind in _NAMED]
    settings, renamed, dropped = own_arguments(name, named, known, {})
    for p in parameters[len(args) :]:
        if p.kind in _NAMED and p.default is p.empty and p.name not in settings:
            settings = {p.name: _Named(_EXAMPLES.get(p.name, p.name)), **settings}
    fits = _binds(bare, args, settings)
    order = [p.name for p in parameters if p.kind in _NAMED]
    expected = _signature_text(name, parameters)
    received = _text(name, order, args, named)
    fix = _text(called, order, args, settings) if fits else f"help({called})"
    notes = call_remarks(name, renamed, dropped)
    return CallError(
        "E131", where=name, name=name, expected=expected, received=received, fix=fix, notes=notes
    )


def _binds(bare: Signature, args: Sequence[Any], named: Mapping[str, Any]) -> bool:
    try:
        bare.bind(*args, **named)
    except TypeError:
        return False
    return True


class _Named:
    """The name of a variable in a suggested call."""

    def __init__(self, name: str) -> None:
        self.name = name


def _text(called: str, order: Sequence[str], args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the source text of a call; large values are replaced by the name of their parameter."""
    words = [argument_text(order[i] if i < len(order) else "...", value) for i, value in enumerate(args)]
    rest = dict(named)
    for name in order[len(args) :]:
        if not isinstance(rest.get(name), _Named):
            break
        words.append(rest.pop(name).name)
    words += [f"{name}={argument_text(name, value)}" for name, value in rest.items()]
    return f"{called}({', '.join(words)})"


def argument_text(name: str, value: Any) -> str:
    """Return the source text of an argument; a large value is replaced by the name of the argument."""
    if isinstance(value, _Named):
        return value.name
    text = value_text(value)
    return _EXAMPLES.get(name, name) if "..." in text else text


def _signature_text(name: str, parameters: Sequence[Parameter]) -> str:
    """Return the signature without types."""
    words: list[str] = []
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if p.default is p.empty else f"={value_text(p.default)}"
        words.append({p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name + default)
        if sum(map(len, words)) > WIDTH:
            words.append("...")
            break
    return f"{name}({', '.join(words)})"
