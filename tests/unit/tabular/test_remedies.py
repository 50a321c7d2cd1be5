"""Fixes on the command line are options that its commands have."""

from __future__ import annotations

import re

import pytest

from chainrule.apps.cli.command_line import on_command_line
from chainrule.diagnosis import RULES as DOCTOR
from chainrule.diagnosis.finding import Finding
from chainrule.diagnosis.rule import Evidence
from chainrule.errors import alternatives
from chainrule.nn import OPTIMIZERS
from chainrule.tabular.options import Options
from chainrule.tabular.remedies import ADVICE, RATE, RULES, command_for

RATE_OPTION = f"--{RATE.replace('_', '-')}"
CASES = {
    "depth=2": "--depth 2",
    'target="ill"': "--target ill",
    'target="is ill"': '--target "is ill"',
    alternatives(
        "optimizer=cr.SGD(0.1)", "clip=cr.ClipGlobalNorm(1.0)"
    ): f"--optimizer sgd {RATE_OPTION} 0.1",
    alternatives('read_images(..., damaged="skip")', "--damaged skip"): "--damaged skip",
    "penalty=cr.L2(1e-4), and a look at dense1": "penalty=cr.L2(1e-4), and a look at dense1",
    "penalty=cr.L2(1e-4)": "--penalty 0.0001",
    "model.fit(x, y)": "chainrule train DATA",
    "model.fit(x, y, run='runs/a')": "in Python: model.fit(x, y, run='runs/a')",
    "cr.Dense(3)": "in Python: cr.Dense(3)",
    alternatives("cr.Dense(3)", "fewer columns"): "fewer columns",
    "rows.csv": "rows.csv",
    "JAX_PLATFORMS=cpu": "JAX_PLATFORMS=cpu",
}


@pytest.mark.parametrize("fix", CASES)
def test_a_fix_is_an_option_where_a_command_has_one(fix: str) -> None:
    options = ["--depth", "--target", "--optimizer", "--damaged", "--penalty"]
    assert on_command_line(fix, options) == CASES[fix]


@pytest.mark.parametrize("rule", RULES)
def test_the_fixes_of_rules_are_options_of_train(rule: str) -> None:
    assert rule in DOCTOR
    for option in re.findall(r"--([\w-]+)", RULES[rule]):
        assert option.replace("-", "_") in Options.__dataclass_fields__


def test_a_command_names_the_column_of_the_finding() -> None:
    leak = Finding(
        DOCTOR["data-leakage"], Evidence(1.0, 0.9, {"column": "paid after", "levels": 2}, form="leak")
    )
    options = Options("loans.csv", target="late")
    assert command_for(leak, options) == "chainrule train loans.csv --target late --drop 'paid after'"


def test_a_command_keeps_the_options_of_the_training() -> None:
    options = Options(
        "t.csv", target="late", quick=True, net="8 relu", number=("a b",), delimiter=";", seed=3
    )
    command = command_for(Finding(DOCTOR["class-imbalance"], Evidence(11.0, 10.0, {})), options)
    assert command == (
        "chainrule train t.csv --target late --net '8 relu' --quick --class-weight balanced --seed 3 "
        "--number 'a b' --delimiter ';'"
    )
    leak = Finding(DOCTOR["data-leakage"], Evidence(1.0, 0.9, {"column": "a b", "levels": 2}, form="leak"))
    assert "--number" not in command_for(leak, options)
    wider = command_for(Finding(DOCTOR["underfitting"], Evidence(0.9, 0.7, {})), options)
    assert "--quick" not in wider
    assert "--net '128 relu, 128 relu'" in wider


@pytest.mark.parametrize("rule", RULES)
def test_a_command_has_no_placeholder_left(rule: str) -> None:
    command = command_for(Finding(DOCTOR[rule], Evidence(1.0, 0.9, {})), Options("loans.csv"))
    assert command.startswith("chainrule train loans.csv --") or rule in ADVICE
    assert not set("{}") & set(command)


def test_the_suggested_optimizer_is_accepted() -> None:
    for name, kind in OPTIMIZERS.items():
        words = on_command_line(f"optimizer=cr.{kind.__name__}(0.5)", ["--optimizer"]).split()
        assert words[:2] == ["--optimizer", name]
        assert Options("iris", optimizer=words[1], **{RATE: float(words[3])}).optimizer == name
