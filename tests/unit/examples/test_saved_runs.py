"""Every example that saves a model has tests of the commands on its RUN, and reads other input."""

from __future__ import annotations

import inspect
import re

import pytest

from chainrule.apps.cli.commands.example import EXAMPLES, example_module
from source_files import ROOT, text

CHECKS = (  # that compare what the commands print with the scores of the example
    "check_saved_scores(",
    "printed_scores(",  # of faces: the rates that it prints
    "check_saved_policy(",  # of robot: the return of the predicted actions
    "check_saved_speech(",  # of speak: the distortion of the spoken texts
)
ELSEWHERE = {  # tests that are not in tests/unit/examples
    "poems": "tests/end_to_end/test_generate_command.py",
    "translate": "tests/end_to_end/test_translate.py",
    "fashion-mnist": "tests/end_to_end/test_fashion_mnist.py",
}
SAVING = [name for name in EXAMPLES if "out" in inspect.signature(example_module(name).main).parameters]


@pytest.mark.parametrize("name", SAVING)
def test_the_saved_model_is_compared_with_the_example(name: str) -> None:
    assert any(check in text_of_tests(name) for check in CHECKS), name


def text_of_tests(name: str) -> str:
    """The tests of an example."""
    return text(ROOT / ELSEWHERE.get(name, f"tests/unit/examples/test_{name.replace('-', '_')}.py"))


@pytest.mark.parametrize("name", SAVING)
def test_the_saved_model_predicts_own_input(name: str) -> None:
    assert "check_own_input(" in text_of_tests(name), (
        "compare the prediction for an input that is not the example's"
    )


@pytest.mark.parametrize("name", SAVING)
def test_the_page_has_a_command_on_own_input(name: str) -> None:
    rows = [line.split(" | ") for line in text(ROOT / "docs/applications.md").splitlines()]
    commands = {cells[0].strip("| "): cells[2] for cells in rows if len(cells) == 4}
    assert re.match(f"`chainrule predict runs/{name}[ /]", commands.get(name, "")), name


def test_each_run_with_a_gate_has_one_in_its_smallest_training() -> None:
    page = text(ROOT / "docs/anomalies.md")
    (sentence,) = re.findall(r"The RUNs of `chainrule example (.*?) have one", page, re.DOTALL)
    gated = re.findall(r"[a-z-]{4,}", sentence)
    assert len(gated) >= 10
    table = page.partition("The other RUNs have no gate")[2].partition("\n##")[0]
    others = re.findall(r"`([a-z-]+)`", " ".join(re.findall(r"^\|(.*?) \|", table, re.MULTILINE)))
    assert sorted({*gated, *others}) == sorted(SAVING)  # each has a gate, or a reason not to have one
    assert [name for name in SAVING if ("check_gate(" in text_of_tests(name)) != (name in gated)] == []


def test_the_examples_are_collected() -> None:
    assert len(SAVING) >= 20
