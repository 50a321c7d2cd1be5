"""The public names as a type checker sees them: pyright reads the stubs and a program of a user."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
from pages.stub import ROOT, lazy_packages, stub, stub_file

import chainrule as cr
from chainrule.attribution.accessor import AttributionMethod
from chainrule.attribution.method import METHODS
from chainrule.nn.loss import LOSSES
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.train import fit_options

PROGRAM = Path(__file__).with_name("program.py")
# Types that hold Any for a reason; everything else must be free of it.
ARRAY = re.compile(r"ndarray\[tuple\[Any, \.\.\.\], dtype\[Any\]\]|dtype\[Any\]")
OPEN = {
    "check_gradient": "a function of any number of nodes",
    "scan": "the states are nodes or tuples of nodes, as the caller has them",
    "sanity": "the options are those of the attribution method",
}


@cache
def diagnostics(folder: Path) -> list[dict[str, Any]]:
    """What pyright reports in strict mode for the files of a folder."""
    options = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(ROOT.parent)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(options))
    command = [sys.executable, "-m", "pyright", "-p", str(folder), "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] > 0, done.stderr
    return report["generalDiagnostics"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str, str]]]:
    """Line, severity and message of every report, by file."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "program.py").write_text(PROGRAM.read_text(encoding="utf-8"), encoding="utf-8")
    reveal = [f"reveal_type(cr.{name})" for name in cr.__all__]
    (folder / "names.py").write_text("\n".join(["import chainrule as cr", *reveal]))
    (folder / "wrong.py").write_text("\n".join(["import chainrule as cr", *WRONG]))
    by_file: dict[str, list[tuple[int, str, str]]] = {"program.py": [], "names.py": [], "wrong.py": []}
    for report in diagnostics(folder):
        line = report["range"]["start"]["line"]
        by_file[Path(report["file"]).name].append((line, report["severity"], report["message"]))
    return by_file


# Calls with a mistake, which a type checker must report; each in one line.
WRONG = (
    "cr.Dense(8, activaton='relu')",
    "cr.Dense('8')",
    "cr.Adam(lr=0.1)",
    "cr.Model(cr.Dense(1), 'msee')",
    "cr.Model(cr.Dense(1), 'mse', optimizr='adam')",
    "cr.Model(cr.Dense(1), 'mse').fit([[1.0]], [1.0], epohcs=3)",
    "cr.Model(cr.Dense(1), 'mse').fit([[1.0]], [1.0], epochs='3')",
    "cr.Model(cr.Dense(1), 'mse').attribute([[1.0]], 'salience')",
    "cr.Model(cr.Dense(1), 'mse').check([[1.0]], [1.0], epochs=3)",
    "cr.huber(cr.constant(1.0), 1.0, delt=2.0)",
    "cr.mse(cr.constant(1.0))",
    "cr.leaky_relu(cr.constant(1.0), alpha=0.1)",
    "cr.sum(cr.constant(1.0), axis='0')",
    "cr.CrossEntropy(label_smothing=0.1)",
    "cr.Warmup(cr.Cosine(0.1), 3)",
    "cr.EarlyStopping(patience='3')",
    "cr.settings.lang = 'de'",
    "cr.Linear(3)",
    "cr.Model.fits",
)


@pytest.mark.long
def test_a_program_has_the_expected_types(reports: dict[str, list[tuple[int, str, str]]]) -> None:
    assert reports["program.py"] == []
    names = {
        node.attr for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Attribute)
    }
    assert len(names & set(cr.__all__)) >= 40


@pytest.mark.long
def test_no_public_name_is_any(reports: dict[str, list[tuple[int, str, str]]]) -> None:
    types = {}
    for line, severity, message in reports["names.py"]:
        assert severity == "information", f"{cr.__all__[line - 1]}: {message}"
        types[cr.__all__[line - 1]] = ARRAY.sub("", message)
    assert list(types) == list(cr.__all__)
    untyped = [name for name, message in types.items() if re.search(r"\b(Any|Unknown)\b", message)]
    assert [name for name in untyped if name not in OPEN] == []


def test_wrong_arguments_and_names_are_reported(reports: dict[str, list[tuple[int, str, str]]]) -> None:
    lines = {line for line, severity, _ in reports["wrong.py"] if severity == "error"}
    assert [call for line, call in enumerate(WRONG, 1) if line not in lines] == []


@pytest.mark.parametrize("package", lazy_packages())
def test_a_stub_is_up_to_date_and_names_the_objects_of_its_package(package: str) -> None:
    assert stub_file(package).read_text() == stub(package), "run python -m pages.stub"
    module, names = import_module(package), set()
    for node in ast.parse(stub(package)).body:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if alias.asname is not None:
                value = getattr(import_module(str(node.module)), alias.name)
                assert getattr(module, alias.asname) is value, alias.asname
                names.add(alias.asname)
        if isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    assert set(dir(module)) - names == set()


def test_all_lists_every_public_name() -> None:
    assert set(cr.__all__) == set(dir(cr)) - {"__version__"}
    assert (ROOT / "py.typed").exists()


def test_the_names_in_literal_types_are_those_of_the_registries() -> None:
    assert set(get_args(fit_options.LossName)) == set(LOSSES)
    assert set(get_args(fit_options.OptimizerName)) == set(OPTIMIZERS)
    assert set(get_args(AttributionMethod)) == set(METHODS)
