"""Example programs of blocks whose docstring has no example.

``example.transcript`` runs them and adds their output. A test runs all of them.
"""

from __future__ import annotations

import re

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

SCHEDULES: dict[str, Schedule] = {
    type(schedule).__name__: schedule
    for schedule in (
        Constant(0.1), Step(0.1, step_size=30), MultiStep(0.1, milestones=(40, 80)),
        PiecewiseConstant((0.1, 0.05, 0.01), boundaries=(30, 70)),
        ExponentialDecay(0.1), InverseTimeDecay(0.1, decay_rate=0.5, decay_steps=10),
        PolynomialDecay(0.1, power=2.0),
        LinearRamp(0.1, steps=50), Noam(64, warmup_steps=20), Cosine(0.1),
        CosineRestarts(0.1, first_decay_steps=15, t_mul=2),
        OneCycle(0.1),
        Cyclic(0.1, base_learning_rate=0.01, step_size_up=20), Warmup(10, 0.1),
        RateSequence((Constant(0.1), Cosine(0.1, decay_steps=60)), (40,)),
        RateProduct((ExponentialDecay(1.0, decay_rate=0.98),
            Cyclic(0.1, base_learning_rate=0.02, step_size_up=10))),
        Slowed(Step(0.1, step_size=10), 4),
        RateFormula("0.1 / (1 + 0.05 * t)"), ReduceOnPlateau(0.1, factor=0.5),
    )
}  # fmt: skip
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
from chainrule.spec import Spec
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
_OPTIMIZERS = {
    "sgd": "cr.SGD(0.1)", "adam": "cr.Adam(0.1)", "adamw": "cr.AdamW(0.1)", "rmsprop": "cr.RMSprop(0.05)",
    "adagrad": "cr.Adagrad(0.5)", "adadelta": "cr.Adadelta(10.0)", "adamax": "cr.Adamax(0.1)",
    "nadam": "cr.NAdam(0.1)", "radam": "cr.RAdam(0.1)", "adafactor": "cr.Adafactor(0.3)",
    "asgd": "cr.ASGD(0.1)", "rprop": "cr.Rprop(0.1)", "ftrl": "cr.Ftrl(1.0)", "lion": "cr.Lion(0.05)",
    "lamb": "cr.LAMB(0.1)", "lars": "cr.LARS(0.5, trust_coefficient=0.1)", "adan": "cr.Adan(0.1)",
    "adabelief": "cr.AdaBelief(0.1)", "yogi": "cr.Yogi(0.1)", "muon": "cr.Muon(0.05)",
    "schedule_free_adamw": "cr.ScheduleFreeAdamW(0.1)", "lbfgs": "cr.LBFGS()",
    "EMA": "cr.EMA(cr.SGD(0.1), decay=0.9)",
    "Accumulated": "cr.Accumulated(cr.SGD(0.1), steps=2)", "SWA": "cr.SWA(cr.SGD(0.1), start=50)",
    "Grouped": 'cr.Grouped(cr.SGD(0.1), groups=(cr.Group("bias", learning_rate_factor=0.01),))',
    "Group": 'cr.Grouped(cr.SGD(0.1), groups=(cr.Group("bias", learning_rate_factor=0.01),))',
}  # fmt: skip

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
from chainrule.train.evaluation.metric import METRICS
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


def program(kind: str, name: str, definition: object) -> str:
    """The example program of a block; ``""`` if there is none."""
    if kind == "schedule":
        return _schedule(name) if name in SCHEDULES else ""
    if kind == "layer":
        return _layer(name)
    if kind == "optimizer" and name in _OPTIMIZERS:
        return _TRAINED.format(net="cr.Dense(1)", optimizer=_OPTIMIZERS[name])
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
