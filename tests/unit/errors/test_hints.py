"""The fix of every error message can be pasted: it replaces what failed, and the program runs.

One case for each form of a fix. A program fails; its message has the expected fix; the program with the fix
pasted runs, or fails with the next message whose fix is pasted in turn.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from pasting import is_code, pasted

STEPS = 3  # messages on the way to a program that runs

# A program, and the fix of its message.
NAMES = {
    "cr.Model(net, loss=cr.cross_entropy)": 'loss="cross_entropy"',
    "cr.Model(net, loss=cr.CrossEntropy)": "loss=cr.CrossEntropy()",
    'cr.Model(net, loss="CrossEntropyLoss")': 'loss="cross_entropy"',
    'cr.Model(net, loss="sparse_categorical_crossentropy")': 'loss="cross_entropy"',
    'cr.Model(net, loss="categorical_crossentropy")': 'loss="soft_cross_entropy"',
    'cr.Model(net, loss="mean_squared_error")': 'loss="mse"',
    'cr.Model(net, "mse", optimizer=cr.Adam)': "optimizer=cr.Adam()",
    'cr.Model(net, "mse", optimizer="Adamw")': 'optimizer="adamw"',
    "cr.Dense(3, activation=cr.relu)": 'activation="relu"',
    'cr.Dense(3, activation="rleu")': 'activation="relu"',
    "cr.Dense(3, activation=np.tanh)": 'activation="tanh"',
    'model.fit(x, y, epochs=1, metrics=["acc"], validation=0.2)': 'metrics=["accuracy"]',
    "model.fit(x, y, epochs=1, callbacks=[cr.EarlyStopping])": "callbacks=[cr.EarlyStopping(patience=10)]",
    'cr.UpSampling(mode="bilinear")': 'mode="linear"',
    'cr.Merge("concat")': 'cr.Merge("concatenate")',
    'cr.Model([cr.Dense(3)], "mse")': "cr.Sequential(*layers)",
    "cr.Sequential(cr.Dense(3), cr.relu)": 'cr.Activation("relu")',
    'cr.Sequential(cr.Dense(3), "relu")': 'cr.Activation("relu")',
    "cr.Sequential(cr.Dense(3), cr.BatchNorm)": "cr.BatchNorm()",
    "cr.Sequential(cr.Conv, cr.Flatten())": "cr.Conv(10, 3)",
}
CALLS = {
    "cr.Adam(lr=0.1)": "cr.Adam(0.1)",
    "cr.Adam(0.1, betas=(0.9, 0.99))": "cr.Adam(0.1, beta1=0.9, beta2=0.99)",
    "cr.Adam(eps=1e-5)": "cr.Adam(epsilon=1e-05)",
    "cr.Conv(8, kernel_size=3, strides=2)": "cr.Conv(8, 3, stride=2)",
    "cr.Conv(filters=8, kernel_size=3)": "cr.Conv(8, 3)",
    "cr.Dense(2, 16)": "cr.Dense(16)",
    "cr.Dense(3, use_bias=False)": "cr.Dense(3, bias=False)",
    "cr.Dense(3, activaton='relu')": "cr.Dense(3, 'relu')",
    "cr.LSTM(3, return_sequences=True)": "cr.LSTM(3, returns='sequence')",
    "cr.LSTM(input_size=8, hidden_size=3)": "cr.LSTM(3)",
    "cr.Dropout(p=0.5)": "cr.Dropout(0.5)",
    "cr.EarlyStopping(restore_best_weights=True)": "cr.EarlyStopping()",
    "cr.Group('dense1', lr=0.1)": "cr.Group('dense1')",
    "cr.UpSampling(2, mode='bilinear')": "cr.UpSampling(size=2, mode='linear')",
    "cr.Model(net, optim='adam')": "cr.Model(cr.Dense(2), \"cross_entropy\", optimizer='adam')",
    "model.predict(x, batch_size=3)": "model.predict(x)",
    "model.evaluate(x, y, metric=['accuracy'])": "model.evaluate(x, y, metrics=['accuracy'])",
}
ARGUMENTS = {
    "model.fit(x, y, epochs=1, validation_split=0.2)": r"validation=0\.2",
    "model.fit(x, y, epochs=1, validation_data=(x_val, y_val))": r"validation=\(x_val, y_val\)",
    "model.fit(x, y, n_epochs=1)": r"epochs=1",
    "model.fit(x, y, epochs=1, random_state=3)": r"seed=3",
    "model.fit(x, y, epochs=1, optmizer='adam')": r"^model\.fit\(x, y, epochs=1\)$",
    "model.fit(x, y, epochs=1, lr=0.1)": r"^model\.fit\(x, y, epochs=1\)$",
}
VALUES = {
    "x = (row for row in x)\nmodel.predict(x)": r"list\(x\)",
    "x = np.arange(5.0)\ncr.Model(cr.Dense(1), 'mse').fit(x, x, epochs=1)": r"x\.reshape\(-1, 1\)",
    "x = cr.input('x', (None, 3))\nnp.tanh(x)": r"cr\.tanh\(x\)",
    "x = cr.input('x', (None, 3))\nnp.concatenate([x, x])": r"cr\.concatenate\(\[x, x\]\)",
    "x = cr.input('x', (None, 3))\nnp.sum(x)": r"cr\.sum\(x\)",
    "x = cr.input('x', (None, 3))\nlen(x)": r"x\.shape\[0\]",
    "x = cr.input('x', (None, 3))\n1.0 if x > 0 else 0.0": r"cr\.where\(node, 1\.0, 0\.0\)",
    "x = cr.input('x', (3,))\nnp.asarray(x)": r"cr\.evaluate\(x, arrays\)",
    "x = cr.input('x', ())\narrays = {'x': 1.0}\nfloat(x)": r"float\(cr\.evaluate\(x, arrays\)\)",
    "cr.Model(net, 'mse').initialize((4,))": r'\{"x": cr\.input\("x", \(None, 4\)\)\.spec\}',
    "cr.check(x, y)": r"model\.check\(x, y\)",
    "model = cr.Model(cr.Dense(1), 'mse')\nmodel.fit(x, y * 1.5, epochs=1)\nmodel.explain(x[0], depth=1)": (
        r"model\.explain\(x\[0\], y\[0\]\)"
    ),
}
MISSING = {
    "Sequentail": "did you mean cr.Sequential?",
    "dense": "did you mean cr.Dense?",
    "Linear": "use cr.Dense (chainrule show layer Dense)",
    "ReLU": "did you mean cr.relu?",
    "glorot_uniform": 'use "xavier" (chainrule show init',
}


@pytest.fixture(scope="module")
def trained() -> cr.Model:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy")
    model.fit(x, (x[:, 0] > 0).astype(int), epochs=1, verbose=False, probes=False, doctor=False)
    return model


@pytest.fixture
def names(trained: cr.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that a program uses: data, a network, a trained model."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = (x[:, 0] > 0).astype(int)
    return {
        "cr": cr,
        "np": np,
        "numpy": np,
        "x": x,
        "y": y,
        "x_val": x[:9],
        "y_val": y[:9],
        "model": trained,
        "net": cr.Dense(2),
        "layers": [cr.Dense(3)],
        "arrays": {"x": np.zeros(3)},
        "node": cr.input("c", (), "bool"),
    }


def error_of(program: str, names: dict[str, Any]) -> Exception | None:
    """The error of a program; ``None`` if it runs."""
    try:
        exec(compile(program, "<program>", "exec"), dict(names))
    except Exception as error:
        return error
    return None


def runs_after_pasting(program: str, names: dict[str, Any], steps: int = STEPS) -> bool:
    """Whether a program runs after the fix of its message is pasted, and that of the message that follows."""
    error = error_of(program, names)
    if error is None or not isinstance(error, ChainruleError) or not error.fix or steps == 0:
        return error is None
    return any(
        runs_after_pasting(changed, names, steps - 1)
        for changed in pasted(program, error.fix, error.received)
    )


@pytest.mark.parametrize("program", [*NAMES, *CALLS])
def test_the_fix_suggests_the_intended_name_and_runs(program: str, names: dict[str, Any]) -> None:
    error = error_of(program, names)
    assert isinstance(error, ChainruleError)
    assert error.fix == (NAMES | CALLS)[program]
    assert is_code(error.fix)
    assert runs_after_pasting(program, names)


@pytest.mark.parametrize("program", [*ARGUMENTS, *VALUES])
def test_the_fix_for_arguments_and_values_runs(program: str, names: dict[str, Any]) -> None:
    error = error_of(program, names)
    assert isinstance(error, ChainruleError)
    pattern = (ARGUMENTS | VALUES)[program]
    assert re.search(pattern, error.fix)
    assert runs_after_pasting(program, names)


@pytest.mark.parametrize("name", MISSING)
def test_the_intended_public_name_is_suggested(name: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(MISSING[name])):
        getattr(cr, name)


def test_a_note_explains_why_an_argument_is_not_needed(names: dict[str, Any]) -> None:
    error = error_of("model.fit(x, y, epochs=1, lr=0.1)", names)
    assert isinstance(error, ChainruleError)
    assert error.notes == ("lr left out: the optimizer has the learning rate: cr.Adam(0.001)",)
    assert "学习率由优化器设置：cr.Adam(0.001)" in error.render("zh")
