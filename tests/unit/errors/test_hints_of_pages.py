"""The fix of every error code: code that runs when it is pasted, a command, or an instruction.

The example on the page of a code provokes the message. Where its fix mentions variables of a user's program,
an equal program with these variables takes the place of the example.
"""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.command_line import is_python, on_command_line
from chainrule.errors import CATALOG, ChainruleError
from chainrule.messages import rendered
from page_examples import example_of
from pasting import COMMANDS, is_code, pasted

RUNS = count()
STEPS = 3  # messages on the way to a program that runs
SKIPPED = {"E130", "E315", "E367", "E370", "E408", "E508"}  # need a fork, data of the system or a full disk
PREPARED = {
    "E122": "x, y = np.eye(2), np.ones(2)\nmodel = cr.Model(cr.Dense(1), 'mse')\n"
    "model.fit(x, y, epochs=1, verbose=False)\nmodel.explain(x[0])",
    "E126": "network = cr.Sequential(cr.Embedding(9, 4), cr.Dense(9))\n"
    "tokenizer = cr.Tokenizer.learn(['a b', 'b a'], 'word')\nmodel = cr.Model(network, 'cross_entropy')\n"
    "x = np.arange(12).reshape(4, 3) % 9\nmodel.fit(x, x, epochs=1, verbose=False)\n"
    "model.generate('a', length=1)",
    "E132": "prediction = cr.constant([[[0.0], [1.0], [1.5]]])\ncr.triplet_margin(prediction, [0.0])",
    "E133": "prediction, target = cr.constant([[1.0]]), cr.constant([[2.0]])\ncr.mse(prediction, None)",
    "E210": "x, X = cr.input('x', (None, 2)), np.ones((4, 2))\ncr.evaluate(x * 2.0, {'X': X})",
    "E251": "x = np.array([1, 2], 'float16')\ncr.constant(x)",
    "E252": "x, y = cr.input('a', (2,), 'float64'), cr.input('b', (2,), 'float32')\ny + x",
    "E253": "x = cr.input('n', (None,), 'int64')\ncr.log(x)",
    "E272": "x, z = cr.input('x', (2,)), cr.input('z', (2,))\noutput, inputs = (x * x).sum(), [z]\n"
    "cr.grad(output, inputs)",
    "E273": "x = cr.input('x', (2,))\ny, inputs = x * x, [x]\ncr.grad(y, inputs)",
    "E313": "from chainrule.data import choose_task, read_table\n"
    "choose_task(read_table({'age': [1, 2] * 9, 'Species': ['a', 'b'] * 9}), target='specis')",
    "E340": "x = np.array([[1 + 2j]])\nfrom chainrule.data import Arrays\nArrays.of(x)",
    "E341": "x = np.arange(3.0)\nfrom chainrule.data import Arrays\nArrays.of(x)",
    "E342": "from chainrule.data import Arrays\nx = np.array([[1.0, np.nan]])\nArrays.of(x)",
    "E352": "from PIL import Image\nfrom pathlib import Path\nfrom chainrule.data import read_images\n"
    "for name in 'ab':\n    Path(f'pets/{name}').mkdir(parents=True)\n"
    "    Image.new('L', (4, 4)).save(f'pets/{name}/1.png')\n"
    "Path('pets/a/2.png').write_bytes(b'no image')\nread_images('pets')",
    "E372": "samples = np.zeros(100)\ncr.LogMel(win_length=400)(samples)",
    "E426": "from chainrule.store import container\narray = np.zeros(3, np.float16)\n"
    "container.pack('model', {}, {'weight': array})",
    "E501": "x, y = np.full((8, 2), 10.0), np.ones(8)\n"
    "model = cr.Model(cr.Sequential(cr.Dense(4), cr.Dense(1)), loss='mse', optimizer=cr.SGD(0.1))\n"
    "model.fit(x, y, epochs=50, verbose=False)",  # that of the page needs many smaller learning rates
    "E503": "x, y = np.ones((4, 2)), np.ones(4)\nmodel = cr.Model(cr.Dense(1), 'mse')\nmodel.predict(x)",
    "E507": "x, y = np.ones((4, 2)), np.ones(4)\nmodel = cr.Model(cr.Dense(1), 'mse')\n"
    "model.fit(x, y, epochs=1, verbose=False)\nmodel.predict_proba(x)",
    "E564": "x, y = np.eye(4), np.arange(4.0)\nmodel = cr.Model(cr.Dense(1), 'mse')\n"
    "model.fit(x, y, epochs=1, verbose=False)\nmodel.plot.residuals()",
}
# The fix is a part of a larger change, which the page describes; other tests check these codes.
PARTS = {"E355", "E376", "E380", "E401", "E432", "E543", "E549", "E561", "E533"}


def error_of(program: str) -> Exception | None:
    """The error of a program that runs in an empty folder; ``None`` if it runs."""
    around = Path.cwd()
    folder = around / f"{next(RUNS)}"
    folder.mkdir()
    os.chdir(folder)
    names: dict[str, Any] = {"__name__": "page", "cr": cr, "np": np, "numpy": np}
    try:
        exec(compile(program, "<page>", "exec"), names)
    except Exception as error:
        return error
    finally:
        os.chdir(around)
    return None


def runs_after_pasting(program: str, steps: int = STEPS) -> bool:
    """Whether a program runs after the fix of its message is pasted, and that of the message that follows."""
    error = error_of(program)
    if error is None or not isinstance(error, ChainruleError) or not error.fix or steps == 0:
        return error is None
    first = error.fix.partition(", or ")[0]
    return any(runs_after_pasting(changed, steps - 1) for changed in pasted(program, first, error.received))


CODES = [
    c
    for c in sorted(CATALOG)
    if c[:2] in ("E1", "E2", "E3", "E4", "E5") and c not in SKIPPED and example_of(c)
]


@pytest.mark.parametrize("code", CODES)
def test_the_fix_runs_or_is_an_instruction_in_both_languages(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = PREPARED.get(code) or example_of(code)
    if "downloads_folder" in program:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # it writes into the folder of the user
    error = error_of(program)
    assert isinstance(error, ChainruleError)
    assert error.code == code
    if not error.fix:
        return
    assert not is_python(on_command_line(error.fix, ())), "a command would print Python as if a shell ran it"
    first = error.fix.partition(", or ")[0]
    if first.startswith((*COMMANDS, "/")):
        return  # a shell command or a path: its effect depends on the machine
    if not all(map(is_code, error.fix.split(", or "))):
        chinese = str(rendered(error.fix, "zh"))
        assert re.search("[一-鿿]", chinese), "an instruction without Chinese"
    if is_code(first) and code not in PARTS:
        assert runs_after_pasting(program), error.fix


def test_prepared_programs_are_needed() -> None:
    assert set(PREPARED) | PARTS <= set(CODES)
