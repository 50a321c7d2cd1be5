"""The status of a training is the same on every screen and page: what two places print, they print alike.

Each case trains a small table and compares the output of ``train`` with ``show``, ``doctor``, the report, the
model card and ``config.toml``.
"""

from __future__ import annotations

import csv
import html
import random
import re
import tomllib
from pathlib import Path

import pytest

from chainrule.diagnosis import RULES

QUICK = ("--net", "8 relu")
WIDE = ("--net", "64 relu, 64 relu", "--learning-rate", 0.02)
CASES: dict[str, tuple[str, tuple[object, ...]]] = {
    "defaults": ("classes", ("--epochs", 4)),
    "defaults, values": ("values", ("--epochs", 4)),
    "defaults, noise": ("noise", ("--epochs", 40)),
    "defaults, early stopping": ("noise", ("--patience", 2)),
    "defaults, SGD": ("classes", ("--epochs", 4, "--optimizer", "sgd")),
    "defaults, a recipe of its own": ("noise", ("--epochs", 4, "--batch-size", 16, "--units", 8)),
    "defaults, test rows": ("classes", ("--epochs", 4, "--split", "random")),
    "defaults, groups": ("values", ("--epochs", 4, "--split", "group:g")),
    "quick": ("classes", ("--quick", "--epochs", 10)),
    "quick, values": ("values", ("--quick", "--epochs", 10)),
    "linear": ("noise", ("--net", "", "--epochs", 20)),
    "rate 0.6, values": ("values", (*QUICK, "--optimizer", "sgd", "--learning-rate", 0.6, "--epochs", 30)),
    "rate 5": ("classes", (*QUICK, "--optimizer", "sgd", "--learning-rate", 5, "--epochs", 30)),
    "rate 5, noise": ("noise", (*WIDE[:2], "--optimizer", "sgd", "--learning-rate", 5, "--epochs", 40)),
    "rate 1": ("noise", (*QUICK, "--optimizer", "adam", "--learning-rate", 1, "--epochs", 30)),
    "rate 1e-6": ("classes", (*QUICK, "--optimizer", "sgd", "--learning-rate", 1e-6, "--epochs", 12)),
    "rate 1e-4": ("values", (*QUICK, "--learning-rate", 1e-4, "--epochs", 12)),
    "overfitting": ("noise", (*WIDE, "--patience", 0, "--penalty", 0, "--epochs", 40)),
    "overfitting, values": ("values", (*WIDE, "--patience", 0, "--penalty", 0, "--epochs", 40)),
    "overfitting, stopped": ("noise", (*WIDE, "--patience", 10, "--penalty", 0)),
    "overfitting, all epochs": ("noise", (*WIDE, "--patience", 39, "--penalty", 0, "--epochs", 40)),
    "patience 1": ("classes", (*QUICK, "--patience", 1)),
    "patience 3": ("values", (*QUICK, "--patience", 3, "--learning-rate", 0.1)),
    "the last epoch is the best": ("classes", (*QUICK, "--epochs", 3)),
    "one epoch": ("values", (*QUICK, "--epochs", 1)),
    "a strong penalty": ("classes", (*QUICK, "--penalty", 1.0, "--epochs", 25)),
    "weighted classes": ("noise", (*QUICK, "--class-weight", "balanced", "--epochs", 5)),
    "batches of 4": ("noise", (*QUICK, "--batch-size", 4, "--epochs", 10)),
    "time": ("values", (*QUICK, "--split", "time:t", "--epochs", 5)),
    "groups": ("noise", (*QUICK, "--split", "group:g", "--epochs", 5)),
}


REPORTED = {
    "rate 5": "rate-too-high",
    "rate 5, noise": "rate-too-high",
    "rate 1e-6": "rate-too-low",
    "overfitting": "overfitting",
    "overfitting, stopped": "overfitting-undone",
    "a strong penalty": "penalty-too-strong",
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of 90 rows: three classes, values, and two classes that are mostly noise."""
    folder, draw = tmp_path_factory.mktemp("tables"), random.Random(4)
    for name in ("classes", "values", "noise"):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["a", "b", "c", "d", "g", "t", "y"])
            for i in range(90):
                x = [round(draw.gauss(0, 1), 4) for _ in range(4)]
                noisy = x[0] + (2.0 if name == "noise" else 0.3) * draw.gauss(0, 1)
                label = "low" if noisy < -0.5 else "high" if noisy > 0.5 else "mid"
                y = {"classes": label, "values": round(noisy, 4), "noise": "no" if noisy < 0 else "yes"}[name]
                rows.writerow([*x, f"group {i % 15}", f"2024-01-{1 + i % 28:02d}", y])
    return folder


def words(text: str) -> str:
    """A text with single spaces, in which lines may be broken anywhere."""
    return " ".join(text.split())


def english(page: str) -> str:
    """The English text of a report."""
    page = re.sub(r"<(style|script|svg)\b.*?</\1>|<span class=\"zh\".*?</span>", " ", page, flags=re.DOTALL)
    page = re.sub(r"</?(?:b|i|code|span|wbr)\b[^>]*>", "", page)
    return words(html.unescape(re.sub(r"<[^>]*>", " ", page)))


def facts_of_page(page: str) -> dict[str, str]:
    """The facts of the training in a report, by their English names."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page, flags=re.DOTALL)
    return {english(name): english(value) for name, value in pairs}


def facts_of_screen(text: str) -> dict[str, str]:
    """The facts in the first table of ``show RUN``."""
    lines = text.split("\n\n")[0].splitlines()[2:]
    return dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_every_place_states_the_same(chainrule, tables: Path, name: str) -> None:
    table, options = CASES[name]
    trained = chainrule("train", tables / f"{table}.csv", "--target", "y", *options, "--out", "run")
    assert trained.code == 0, trained.err
    assert f"{REPORTED.get(name, '')}: " in f"{trained.err}: ", "the case has lost its finding"
    compare(chainrule, trained.out, trained.err)


def test_a_training_with_more_epochs_states_the_same(chainrule, tables: Path) -> None:
    chosen = (*WIDE, "--patience", 0, "--penalty", 0)
    shorter = ("train", tables / "noise.csv", "--target", "y", *chosen, "--epochs", 12, "--out", "run")
    assert chainrule(*shorter).code == 0
    resumed = chainrule("resume", "run", "--epochs", 30)
    assert resumed.code == 0, resumed.err
    compare(chainrule, resumed.out, resumed.err, is_resumed=True)
    assert facts_of_screen(chainrule("show", "run").out)["epochs / maximum"] == "30 / 30"


def compare(chainrule, out: str, err: str, is_resumed: bool = False) -> None:
    """Compare the output of a training with all other places."""
    screen, run = words(out), Path("run")
    show, doctor = chainrule("show", run).out, words(chainrule("doctor", run).out)
    page, card = ((run / name).read_text(encoding="utf-8") for name in ("report.html", "model-card.md"))
    card = card.replace("\\", "")
    report, facts = english(page), facts_of_screen(show)
    in_report, config = facts_of_page(page), tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))

    assert {key: in_report.get(key) for key in facts} == facts
    use, (epochs, maximum) = facts["use of the rows"], facts["epochs / maximum"].split(" / ")
    assert is_resumed or use in screen
    assert use in words(card)
    history = list(csv.DictReader((run / "history.csv").open()))
    assert len(history) == int(epochs)

    (ended,) = re.findall(r"(?:Completed all|Early stopping at epoch) [^.]*\.", screen)
    assert ended in words(card)
    assert f" {epochs}" in ended
    compare_best(ended, facts["weights of epoch"], history, maximum)
    compare_settings(config, facts, show)
    if "weights of the kinds of networks" in facts:
        assert f"Weights of the kinds of networks: {facts['weights of the kinds of networks']}." in screen
        assert facts["weights of the kinds of networks"] in card
    compare_findings(err, show, doctor, report, words(card), is_resumed)
    compare_scores(out, show, report, card)


def compare_best(ended: str, weights: str, history: list[dict[str, str]], maximum: str) -> None:
    """The restored epoch is that of the smallest validation loss, and named only where one was restored."""
    losses = [float(row["val_loss"]) for row in history]
    if "each network" in weights:
        assert "restored the best weights of each network" in ended
    elif "the best" in weights:
        best = losses.index(min(losses)) + 1
        assert weights == f"{best}, the best"
        assert (f"restored the best weights (epoch {best})" in ended) == (best < len(losses))
    else:
        assert weights == f"{len(losses)}, the last"
        assert "restored" not in ended
    assert ("Early stopping" in ended) or len(history) == int(maximum)


def compare_settings(config: dict, facts: dict[str, str], show: str) -> None:
    """``config.toml`` has the settings that were used."""
    assert str(config["epochs"]) == facts["epochs / maximum"].split(" / ")[1]
    assert str(config["batch_size"]) == facts["batch size"]
    (optimizer,) = re.findall(r"loss \w+; (\w+)\((.*?)\); penalty (.*)", show)
    assert config["optimizer"] == optimizer[0].lower()
    pattern = rf"learning_rate(?:=|=\w+\(initial_learning_rate=){config['learning_rate']!r}\b"
    assert re.search(pattern, optimizer[1])
    assert ("none" if not config["penalty"] else f"L2(strength={config['penalty']!r})") == optimizer[2]


def compare_findings(err: str, show: str, doctor: str, report: str, card: str, is_resumed: bool) -> None:
    """What the training printed is in the diagnosis, in the report and in the card, and nothing else is."""
    printed = [line.partition(": ") for line in err.splitlines() if line.partition(": ")[0] in RULES]
    for rule, _, what in printed:
        assert f"{rule}: {what}" in show
        assert what in doctor
        assert what in report
        assert RULES[rule].severity == "info" or what in card
    count = re.findall(r"Diagnosis: (\w+) finding", doctor)
    assert is_resumed or count == ["no" if not printed else str(len(printed))]
    for rule in RULES:
        assert (f"({rule})" in doctor) == (f"\n{rule}: " in show) == (f"({rule})" in report)


def compare_scores(out: str, show: str, report: str, card: str) -> None:
    """The scores of all models have the same digits."""
    (table,) = re.findall(r"(?m)^network {2,}.*\n(?:.+ {2,}.*\d\n)*", out.partition("Result ")[2])
    for line in table.splitlines():
        assert line in show
        scores = re.split(r" {2,}", line.strip())
        assert " ".join(scores) in report
        assert f"| {' | '.join(scores)} |" in card


@pytest.mark.long
def test_the_help_states_the_values_that_are_used(chainrule) -> None:
    """The defaults of the help are those of ``config.toml`` of trainings with no such option."""
    listed = words(chainrule("train", "--help").out)
    for options, position in ((("--split", "random"), 0), (("--net", "4 relu"), 1)):
        assert chainrule("train", "iris", *options, "--out", f"run{position}").code == 0
        config = tomllib.loads(Path(f"run{position}/config.toml").read_text(encoding="utf-8"))
        for name in ("epochs", "batch_size", "learning_rate", "penalty", "patience", "optimizer"):
            option = re.escape(name.replace("_", "-"))
            (defaults,) = re.findall(
                rf"--{option} <.*?\(default: ensemble (.*?), one network (.*?)\)", listed
            )
            used = config[name] if isinstance(config[name], str) else f"{config[name]:g}"
            assert used in re.split(r" / | by ", defaults[position]), name
    assert "expected  a number\n" in chainrule("train", "iris", "--learning-rate", "fast").err
    assert "expected  an integer\n" in chainrule("train", "iris", "--epochs", "1.5").err
