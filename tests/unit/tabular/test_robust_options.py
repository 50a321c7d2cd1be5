"""``chainrule train --robust``: the training that the options describe, and refusals whose fix works."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import UsageError
from chainrule.tabular.options import Options, radius_of
from chainrule.tabular.training_plan import plan_of, prepare_data, robust_of

IRIS = Options("iris", quick=True, epochs=10)


def with_robust(name: str, radius: str = "0.2", **values: object) -> Options:
    return IRIS.with_passed({"robust": name, "radius": radius, **values})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adversarial", cr.AdversarialTraining),
        ("trades", cr.TRADES),
        ("interval", cr.IntervalTraining),
        ("noise", cr.NoiseTraining),
    ],
)
def test_the_training_of_a_name_has_the_radius(name: str, kind: type) -> None:
    options = with_robust(name, "51/255")
    robust = plan_of(options, prepare_data(options)).fit_options()["robust"]
    assert type(robust) is kind
    assert robust.radius == 0.2
    assert f"--robust {name} --radius 51/255" in options.command()


def test_interval_training_reaches_its_radius_and_does_not_stop_early() -> None:
    options = with_robust("interval", batch_size=10, epochs=4)
    plan = plan_of(options, prepare_data(options))
    arguments = plan.fit_options()
    steps = 4 * int(np.ceil(len(plan.prepared.training.y) / 10))
    assert 0 < arguments["robust"].warmup + arguments["robust"].ramp < steps
    assert arguments["callbacks"] == []
    assert plan_of(IRIS, plan.prepared).fit_options()["callbacks"] != []
    assert robust_of(IRIS, plan.prepared) is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--robust adversarial", "E601"),
        ("--radius 0.2", "E601"),
        ("--robust fgsm --radius 0.2", "E101"),
        ("--robust trades --radius 8/0", "E601"),
        ("--robust trades --radius 1e999", "E601"),
        ("--robust trades --radius 0", "E102"),
    ],
)
def test_other_options_are_refused_and_the_fix_is_accepted(
    words: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "iris", "--quick", *shlex.split(words)]) == 2
    printed = capsys.readouterr().err
    assert code in printed
    fix = next(line.split(None, 1)[1] for line in printed.splitlines() if line.strip().startswith("fix"))
    name, value = fix.split()
    others = [(a, b) for a, b in zip(words.split()[::2], words.split()[1::2], strict=True) if a != name]
    passed = dict([*others, (name, value)])
    options = IRIS.with_passed({key.strip("-"): text for key, text in passed.items()})
    assert radius_of(options.radius, "") > 0


def test_an_ensemble_and_a_regression_are_refused() -> None:
    ensemble = with_robust("trades", quick=False)
    with pytest.raises(UsageError, match="ensemble") as caught:
        plan_of(ensemble, prepare_data(ensemble))
    assert caught.value.code == "E102"
    regression = Options("diabetes", quick=True, robust="interval", radius="0.1")
    with pytest.raises(UsageError, match="classes") as caught:
        plan_of(regression, prepare_data(regression))
    assert caught.value.code == "E102"


@pytest.mark.long
def test_the_command_trains_a_network_that_resists_more_attacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = []
    for words in ([], ["--robust", "adversarial", "--radius", "0.6"]):
        out = str(tmp_path / f"run{len(words)}")
        size = ["--epochs", "30", "--patience", "0", "--net", "16 relu"]
        assert main(["train", "iris", *size, *words, "--out", out]) == 0
        model = cr.load(Path(out) / "model.safetensors")
        rows = prepare_data(IRIS)
        x, y = rows.training.x, rows.labels(rows.training)
        shares.append(model.attack(x, y, radius=0.6, method="pgd").robust_accuracy.value)
    assert "Robust training: adversarial" in capsys.readouterr().out
    assert shares[1] > shares[0]
