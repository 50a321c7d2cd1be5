"""Run the examples of blocks and return their transcripts: the input lines and the output of Python.

Only programs of chainrule itself are run, those of its docstrings and of ``program.py``, with the reference
engine in a temporary folder; text from files or users is never run.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import re
import sys
import tempfile
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.catalog.docstring import docstring
from chainrule.errors import ChainruleError
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.nn.schedule import (
    REDUCTIONS,
    Constant,
    Cosine,
    CosineRestarts,
    Cyclic,
    ExponentialDecay,
    InverseTimeDecay,
    LinearRamp,
    MultiStep,
    Noam,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    RateFormula,
    RateProduct,
    RateSequence,
    ReduceOnPlateau,
    Schedule,
    Slowed,
    Step,
    Warmup,
)
from chainrule.ops import Card
from chainrule.settings import settings

# An example program for every operation: its value and, if it exists, the gradient of its first argument.

_VALUE = """
import chainrule as cr
{inputs}
y = {call}
print(cr.evaluate(y){rounded})
"""
_GRADIENT = """
(dx,) = cr.grad(cr.sum(y), [{first}])
print(cr.evaluate(dx).round(4))
"""
_IMAGE = "x = cr.reshape(cr.constant([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), (1, 6, 1))"
_KERNEL = "w = cr.constant([[[1.0], [-1.0]]])"
_ROW = "x = cr.constant([[1.0, 3.0, 2.0]])"
_KEY = 'key = cr.constant([0, 1], "uint32")'
_LONG = "x = cr.constant([0.5, 1.5, -2.0])"
_TRUTH = "a, b = cr.constant([True, True, False]), cr.constant([True, False, False])"
_TWO = "a, b = cr.constant([1.0, -2.0, 3.0]), cr.constant([2.0, 2.0, 3.0])"

# name: (inputs, call, the argument of the gradient)
CALLS: dict[str, tuple[str, str, str]] = {
    "log": ("x = cr.constant([0.5, 1.0, 2.0])", "cr.log(x)", "x"),
    "sqrt": ("x = cr.constant([0.25, 1.0, 4.0])", "cr.sqrt(x)", "x"),
    "power": ("a, b = cr.constant([1.0, 2.0, 3.0]), cr.constant([2.0, 3.0, 0.5])", "cr.power(a, b)", "a"),
    "clip": (_LONG, "cr.clip(x, -1.0, 1.0)", "x"),
    "where": (f"{_LONG}\nis_large = x > 1.0", "cr.where(is_large, x, 0.0)", "x"),
    "logical_and": (_TRUTH, "cr.logical_and(a, b)", ""),
    "logical_or": (_TRUTH, "cr.logical_or(a, b)", ""),
    "logical_not": (_TRUTH, "cr.logical_not(a)", ""),
    "is_finite": ('x = cr.constant([1.0, float("inf"), float("nan")])', "cr.is_finite(x)", ""),
    "argmax": (_ROW, "cr.argmax(x, 1)", ""),
    "mean": (_ROW, "cr.mean(x, 1)", "x"),
    "variance": (_ROW, "cr.variance(x, 1)", "x"),
    "stack": (_TWO, "cr.stack([a, b])", "a"),
    "max_pool": (_IMAGE, "cr.max_pool(x, 2)", "x"),
    "average_pool": (_IMAGE, "cr.average_pool(x, 2)", "x"),
    "convolution_transpose": (
        f"{_IMAGE}\nw = cr.constant([[[1.0], [1.0]]])",
        "cr.convolution_transpose(x, w, 2)",
        "x",
    ),
    "matmul": ("a, b = cr.constant([[1.0, 2.0]]), cr.constant([[3.0], [4.0]])", "a @ b", "a"),
    "transpose": (_ROW, "cr.transpose(x)", "x"),
    "reshape": (_ROW, "cr.reshape(x, (3, 1))", "x"),
    "broadcast": (_ROW, "cr.broadcast_to(x, (2, 3))", "x"),
    "slice": (_ROW, "x[:, 1:]", "x"),
    "pad": (_ROW, "cr.pad(x, [(0, 0), (1, 1)])", "x"),
    "concatenate": (_ROW, "cr.concatenate([x, x * 10.0], 1)", "x"),
    "gather": ("x = cr.constant([[1.0, 2.0], [3.0, 4.0]])", "cr.gather(x, cr.constant([1, 1, 0]))", "x"),
    "scatter_add": ("x = cr.constant([1.0, 2.0, 3.0])", "cr.scatter_add(x, cr.constant([1, 1, 0]), 3)", "x"),
    "resample": (_ROW, "cr.resample(x, 1, [[(0, 1.0)], [(0, 0.5), (1, 0.5)], [(1, 1.0)]])", "x"),
    "one_hot": ("x = cr.constant([2, 0])", "cr.one_hot(x, 3)", ""),
    "convolution": (f"{_IMAGE}\n{_KERNEL}", "cr.convolution(x, w)", "x"),
    "convolution_input": (f"{_IMAGE}\n{_KERNEL}", "cr.grad(cr.sum(cr.convolution(x, w)), [x])[0]", ""),
    "convolution_weight": (f"{_IMAGE}\n{_KERNEL}", "cr.grad(cr.sum(cr.convolution(x, w)), [w])[0]", ""),
    "patches": (_IMAGE, "cr.patches(x, 2, 2)", "x"),
    "fold": (_IMAGE, "cr.grad(cr.sum(cr.square(cr.patches(x, 2, 1))), [x])[0]", ""),
    "cast": (_LONG, 'cr.cast(x, "int64")', ""),
    "stop_gradient": (_LONG, "x * cr.stop_gradient(x)", "x"),
    "remat": (_LONG, "cr.remat(cr.tanh(cr.square(x)), x)", "x"),
    "again": (_LONG, "cr.grad(cr.sum(cr.remat(cr.tanh(cr.square(x)), x)), [x])[0]", ""),
    "extent": (_ROW, "cr.mean(x, 1)", "x"),
    "scan": (
        "x = cr.constant([[1.0, 2.0, 3.0, 4.0]])",
        "cr.scan(lambda sum, cell: (sum + cell, sum + cell), x[:, 0] * 0.0, x)[1]",
        "x",
    ),
    "uniform": (_KEY, 'cr.uniform(key, (3,), "float64")', ""),
    "normal": (_KEY, 'cr.normal(key, (3,), "float64")', ""),
}
_ROWS = ("sum", "max", "min", "prod", "softmax", "log_softmax", "logsumexp")


def op_program(name: str, card: type[Card] | None) -> str:
    """Return the example program of an operation, or ``""``; ``card`` is ``None`` for a composed one."""
    if name in CALLS:
        inputs, call, first = CALLS[name]
    elif card is None:
        return ""
    elif name in _ROWS:
        inputs, call, first = _ROW, f"cr.{name}(x, 1)", "x"
    elif card.arguments == ("x",):
        inputs, call, first = _LONG, f"cr.{name}(x)", "x"
    elif card.arguments == ("a", "b"):
        inputs, call, first = _TWO, f"cr.{name}(a, b)", "a"
    else:
        return ""
    if card is not None and not isinstance(card.pullbacks[card.arguments[0]], str) and name not in CALLS:
        first = ""
    text = _VALUE.format(inputs=inputs, call=call, rounded=".round(4)" if first else "")
    return text + (_GRADIENT.format(first=first).lstrip("\n") if first else "")


# Example programs of blocks whose docstring has no example.
#
# ``example.transcript`` runs them and adds their output. A test runs all of them.

_SCHEDULES: tuple[Schedule, ...] = (
    Constant(0.1),
    Step(0.1, step_size=30),
    MultiStep(0.1, milestones=(40, 80)),
    PiecewiseConstant((0.1, 0.05, 0.01), boundaries=(30, 70)),
    ExponentialDecay(0.1),
    InverseTimeDecay(0.1, decay_rate=0.5, decay_steps=10),
    PolynomialDecay(0.1, power=2.0),
    LinearRamp(0.1, steps=50),
    Noam(64, warmup_steps=20),
    Cosine(0.1),
    CosineRestarts(0.1, first_decay_steps=15, t_mul=2),
    OneCycle(0.1),
    Cyclic(0.1, base_learning_rate=0.01, step_size_up=20),
    Warmup(10, 0.1),
    RateSequence((Constant(0.1), Cosine(0.1, decay_steps=60)), (40,)),
    RateProduct(
        (ExponentialDecay(1.0, decay_rate=0.98), Cyclic(0.1, base_learning_rate=0.02, step_size_up=10))
    ),
    Slowed(Step(0.1, step_size=10), 4),
    RateFormula("0.1 / (1 + 0.05 * t)"),
    ReduceOnPlateau(0.1, factor=0.5),
)
SCHEDULES: dict[str, Schedule] = {type(schedule).__name__: schedule for schedule in _SCHEDULES}
_RATE = """
import chainrule as cr
{imports}schedule = {schedule}
rate = schedule(cr.input("step", (), "float64"), 100)
[float(cr.evaluate(rate, {{"step": step{more}}}).round(4)) for step in (0, 25, 50, 75)]
"""

_TRAINED = """
import chainrule as cr
model = cr.Model({net}, loss="mse", optimizer={optimizer})
history = model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=100, batch_size=3, verbose=False)
[round(float(history[epoch]["loss"]), 4) for epoch in (0, 9, 99)]
"""
_LAYER = """
import numpy as np
import chainrule as cr
from chainrule.symbolic_shape import Spec
x = np.arange({count}.0).reshape({shape})
y = cr.build({layer}, {{"x": Spec(x.shape, "float64")}}, "float64").output
print(cr.evaluate(y, {{"x": x}}))
"""
_LAYERS = {
    "MaxPool": ("cr.MaxPool(2)", (1, 4, 4, 1)),
    "AveragePool": ("cr.AveragePool(2)", (1, 4, 4, 1)),
    "GlobalMaxPool": ("cr.GlobalMaxPool()", (1, 2, 2, 3)),
    "Flatten": ("cr.Flatten()", (2, 2, 3)),
    "GlobalAveragePool": ("cr.GlobalAveragePool()", (1, 2, 2, 3)),
    "Identity": ("cr.Identity()", (2, 3)),
    "Reshape": ("cr.Reshape((3, 2))", (1, 6)),
}
_NETS = {
    "Dense": "cr.Dense(1)",
    "Dropout": 'cr.Sequential(cr.Dense(8, "relu"), cr.Dropout(0.1), cr.Dense(1))',
    "Residual": 'cr.Sequential(cr.Dense(4), cr.Residual(cr.Dense(4, "tanh")), cr.Dense(1))',
    "Remat": 'cr.Sequential(cr.Dense(4), cr.Remat(cr.Residual(cr.Dense(4, "tanh"))), cr.Dense(1))',
    "Parallel": 'cr.Sequential(cr.Parallel(a=cr.Dense(2), b=cr.Dense(3, "tanh")), cr.Dense(1))',
}
_LEARNING_RATES = {
    "rmsprop": 0.05,
    "adagrad": 0.5,
    "adadelta": 10.0,
    "adafactor": 0.3,
    "ftrl": 1.0,
    "lion": 0.05,
    "muon": 0.05,
}
_GROUPED = 'cr.Grouped(cr.SGD(0.1), groups=(cr.Group("bias", learning_rate_factor=0.01),))'
_OPTIMIZERS = {
    "lars": "cr.LARS(0.5, trust_coefficient=0.1)",
    "lbfgs": "cr.LBFGS()",
    "EMA": "cr.EMA(cr.SGD(0.1), decay=0.9)",
    "Accumulated": "cr.Accumulated(cr.SGD(0.1), steps=2)",
    "SWA": "cr.SWA(cr.SGD(0.1), start=50)",
    "Grouped": _GROUPED,
    "Group": _GROUPED,
}

_INITIALIZER = """
import chainrule as cr
from chainrule.nn import INITIALIZERS
key = cr.constant([0, 1], "uint32")
w = cr.evaluate(INITIALIZERS["{name}"](key, {shape}, "float64", 0))
[float(value.round(4)) for value in (w.min(), w.mean(), w.std(), w.max())]
"""
_SMALL_INITIALIZER = """
import chainrule as cr
key = cr.constant([0, 1], "uint32")
print(cr.evaluate({initializer}(key, (2, 4), "float64", 0)).round(4))
"""
_SMALL = {"Fill": "cr.Fill(0.5)", "Scaled": 'cr.Scaled(gain=2.0, fan="in", distribution="normal")'}
_APPLY = """
import chainrule as cr
w = cr.constant([[3.0, -4.0], [0.3, 0.4]])
print(cr.evaluate({call}(w)).round(4))
"""
_CLIP = """
import chainrule as cr
clipped = cr.{name}(1.0)({{"w": cr.constant([3.0, -4.0]), "b": cr.constant([0.5])}})
print(*(value.round(3) for value in cr.evaluate(list(clipped.values()))))
"""
_ELEMENTWISE = """
import chainrule as cr
from chainrule.nn import ACTIVATIONS
x = cr.input("x", (5,), "float64")
y = ACTIVATIONS["{name}"](x)
(derivative,) = cr.grad(cr.sum(y), [x])
for values in cr.evaluate([y, derivative], {{"x": [-100.0, -1.0, 0.0, 1.0, 100.0]}}):
    print(values.round(4).tolist())

"""
_ALONG_AXIS = """
import chainrule as cr
from chainrule.nn import ACTIVATIONS
x = cr.constant([[2.0, 1.0, 0.0, -1.0]])
print(cr.evaluate(ACTIVATIONS["{name}"](x)).round(4))
"""
_METRIC = """
from chainrule.metrics import METRICS
{target}
round(METRICS["{name}"](target, prediction), 4)
"""
_TARGETS = {
    "classification": "target, prediction = [0, 1, 1, 0], [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.8, 0.2]]",
    "multilabel": "target, prediction = [[1, 0], [0, 1], [1, 1]], [[0.9, 0.2], [0.4, 0.6], [0.3, 0.8]]",
    "distribution": "target, prediction = [[0.5, 0.5], [0.1, 0.9]], [[0.6, 0.4], [0.2, 0.8]]",
    "regression": "target, prediction = [[1.0], [2.0], [4.0]], [[1.1], [1.8], [3.5]]",
}

_STOPPING = """
import chainrule as cr
model = cr.Model(cr.Dense(1), loss="mse", optimizer=cr.SGD(0.1))
history = model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=1000, callbacks=[{rule}], verbose=False)
len(history), model.facts["ended"]
"""
_MEMBERS = """
import numpy as np
import chainrule as cr
x, y = np.arange(12.0)[:, None], 2.0 * np.arange(12.0)
held_out = (np.arange(12)[:, None] % 3 == np.arange(3)) * 1.0
members = cr.Sequential(cr.EnsembleNormalization(3), cr.EnsembleDense(1), cr.EnsembleMean("value"))
model = cr.Model(members, loss="mse", optimizer=cr.Adam(0.1))
rows = dict(sample_weight=1 - held_out, validation=(x, y, held_out))
history = model.fit(x, y, **rows, callbacks=[{rule}], verbose=False)
len(history), model.facts["ended"]
"""
_RULES = {
    "EarlyStopping": 'cr.EarlyStopping(monitor="loss", patience=20)',
    "Converged": "cr.Converged()",
    "EnsembleEarlyStopping": "cr.EnsembleEarlyStopping(patience=5)",
}


def _optimizer(name: str) -> str:
    if name in _OPTIMIZERS:
        return _OPTIMIZERS[name]
    return f"cr.{OPTIMIZERS[name].__name__}({_LEARNING_RATES.get(name, 0.1)})"


def program(kind: str, name: str, definition: object) -> str:
    """Return the example program of a block; ``""`` if there is none."""
    if kind == "schedule":
        return _schedule(name) if name in SCHEDULES else ""
    if kind == "layer":
        return _layer(name)
    if kind == "optimizer" and (name in _OPTIMIZERS or name in OPTIMIZERS):
        return _TRAINED.format(net="cr.Dense(1)", optimizer=_optimizer(name))
    if kind == "initializer":
        shape = (8, 3, 8) if name == "dirac" else (64, 32)
        return (
            _SMALL_INITIALIZER.format(initializer=_SMALL[name])
            if name in _SMALL
            else _INITIALIZER.format(name=name, shape=shape)
        )
    if kind in ("penalty", "constraint"):
        return _APPLY.format(call=f"cr.{name}(strength=0.1)" if kind == "penalty" else f"cr.{name}()")
    if kind == "clip":
        return _CLIP.format(name=name)
    if kind == "callback" and name in _RULES:
        return (_MEMBERS if name == "EnsembleEarlyStopping" else _STOPPING).format(rule=_RULES[name])
    if kind == "activation":
        return (_ALONG_AXIS if "axis" in getattr(definition, "settings", ()) else _ELEMENTWISE).format(
            name=name
        )
    if kind == "metric":
        return _METRIC.format(name=name, target=_TARGETS[getattr(definition, "tasks", ("regression",))[0]])
    return ""


def _schedule(name: str) -> str:
    call = re.sub(r"\b(?=[A-Z]\w+\()", "cr.", repr(SCHEDULES[name])).replace("cr.Slowed", "Slowed")
    imports = "from chainrule.nn.schedule import Slowed\n" if name == "Slowed" else ""
    more = f', "{REDUCTIONS}": step // 25' if name == "ReduceOnPlateau" else ""
    return _RATE.format(schedule=call, imports=imports, more=more)


def _layer(name: str) -> str:
    if name in _NETS:
        return _TRAINED.format(net=_NETS[name], optimizer="cr.SGD(0.05)")
    if name not in _LAYERS:
        return ""
    layer, shape = _LAYERS[name]
    count = 1
    for n in shape:
        count *= n
    return _LAYER.format(layer=layer, shape=shape, count=count)


_IMPORTS = ">>> import chainrule as cr\n>>> from chainrule.symbolic_shape import Spec\n"
_INPUTS = (  # inputs that are tried: rows of numbers, a sequence, tokens, an image
    ((2, 16), "float32"),
    ((2, 6, 16), "float32"),
    ((2, 6), "int64"),
    ((2, 8, 8, 16), "float32"),
)


def example_schedule(name: str) -> Schedule:
    """Return the example of a class of schedules."""
    return SCHEDULES[name]


def transcript(kind: str, name: str, definition: object) -> str:
    """Run the example of a block; returns ``""`` if there is none.

    Example:
        >>> print(transcript("clip", "ClipNorm", None).splitlines()[-1])
        [ 0.6 -0.8] [0.5]
    """
    if isinstance(definition, type):
        sections = docstring(definition).sections
        if "Example" in sections:
            example = _complete(sections["Example"], definition.__module__)
            is_spatial = "space" in sections.get("Shapes", "")
            return (_built(example, is_spatial) if kind == "layer" else "") or run(example)
    if kind == "op":
        card = definition if isinstance(definition, type) and issubclass(definition, Card) else None
        return run(_prompted(op_program(name, card)))
    return run(_prompted(program(kind, name, definition)))


def _built(text: str, is_spatial: bool) -> str:
    """Extend an example that only prints a layer by the shapes of output and parameters.

    The inputs are tried in turn; returns ``""`` if the layer accepts none of them.

    Args:
        text: the example.
        is_spatial: try images first.
    """
    printed = re.fullmatch(r"((?:>>> from .*\n)*)>>> print\((.*)\)\n.*", text)
    if printed is None or not isinstance(ast.parse(printed[2], mode="eval").body, ast.Call):
        return ""
    for shape, dtype in _INPUTS[::-1] if is_spatial else _INPUTS:
        source = f"""
        layer = {printed[2]}
        built = cr.build(layer, {{"x": Spec({shape}, "{dtype}")}}, "float32")
        built.output.shape
        {{path: p.spec.shape for path, p in built.parameters.items()}}
        """
        with contextlib.suppress(ChainruleError):
            return run(_IMPORTS + printed[1] + _prompted(inspect.cleandoc(source)))
    return ""


def run(text: str) -> str:
    """Run a program in a temporary folder and return its transcript.

    Args:
        text: lines with ``>>>`` and ``...``; expected output is replaced by the actual output.

    Example:
        >>> run(">>> 1 + 1").split("\\n")
        ['>>> 1 + 1', '2']
    """
    names: dict[str, Any] = {}
    lines: list[str] = []
    with (
        settings.using(engine="reference"),
        np.printoptions(precision=6, suppress=True),
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        for example in doctest.DocTestParser().get_examples(text):
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(example.source, "<example>", "single", dont_inherit=True), names)
            first, *rest = example.source.rstrip("\n").split("\n")
            lines += [f">>> {first}", *(f"... {line}".rstrip() for line in rest)]
            lines += output.getvalue().rstrip("\n").split("\n") if output.getvalue() else []
    return "\n".join(lines)


def _prompted(source: str) -> str:
    """Add prompts to a program; indented lines are continuation lines."""
    lines = source.strip("\n").split("\n") if source.strip() else []
    return "\n".join(f"{'...' if line.startswith(' ') else '>>>'} {line}" for line in lines)


def _complete(text: str, module: str) -> str:
    """Add imports of the names that an example of a docstring uses from its module."""
    source = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
    loaded, bound = set[str](), set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.arg | ast.FunctionDef | ast.ClassDef):
            bound.add(node.arg if isinstance(node, ast.arg) else node.name)
    known = vars(sys.modules[module])
    lines = [_import_line(name, known[name], module) for name in sorted(loaded - bound) if name in known]
    return "\n".join([*(f">>> {line}" for line in sorted(lines)), text])


def _import_line(name: str, value: object, module: str) -> str:
    """Return the import statement for a name of a module."""
    if isinstance(value, ModuleType):
        return f"import {name}" if value.__name__ == name else f"import {value.__name__} as {name}"
    home = getattr(value, "__module__", module)
    home = home if isinstance(home, str) else module
    parts = home.split(".")
    for i in range(1, len(parts)):  # the outermost package that exports it
        package = sys.modules[".".join(parts[:i])]
        if name in dir(package) and getattr(package, name) is value:
            return f"from {package.__name__} import {name}"
    return f"from {home} import {name}"
