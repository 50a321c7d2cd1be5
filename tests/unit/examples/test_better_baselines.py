"""Where a baseline scores better than the network of an example, its page states it first."""

from __future__ import annotations

import re

import pytest

from chainrule_examples.score_table import SMALLER_IS_BETTER
from source_files import ROOT, text

NETWORKS = {"connect-four": 3, "listen": 2}  # the last rows that use the network; else one
VERDICTS = {"faces": "TAR at FAR 1%"}  # the metric of the verdict, where it is not the first
SECTION = re.compile(r"<!-- (?P<name>[^>]+?) -->\n(?P<table>.*?)\n<!-- end of ", re.DOTALL)
WORDS = {  # of the page for a method of the table
    "linear autoencoder (EASE)": "EASE",
    "4-gram model (Kneser-Ney)": "4-gram",
    "controller by hand": "controller by hand",
    "ridge regression on all 22 days": "ridge regression",
    "support vector machine (TF-IDF)": "support vector machine",
    "logistic regression, characters and pairs": "logistic regression",
}
SECTIONS = {match["name"]: match["table"] for match in SECTION.finditer(text(ROOT / "docs/applications.md"))}


def better_baselines(name: str, table: str) -> list[str]:
    """The methods without a network with a better mean than every network, the best first."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    head, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line
    ]
    metric = VERDICTS.get(name, head[1])
    column, sign = head.index(metric), -1 if metric in SMALLER_IS_BETTER else 1
    values = {row[0]: sign * float(row[column].split()[0]) for row in rows if row[column]}
    methods = list(values)
    count = NETWORKS.get(name, 1)
    best = max(values[method] for method in methods[-count:])
    better = [method for method in methods[:-count] if values[method] > best]
    return sorted(better, key=values.__getitem__, reverse=True)


def test_a_better_baseline_is_listed() -> None:
    table = "| method | RMSE |\n|---|---|\n| mean | 2.0 |\n| ridge | 0.9 ± 0.1 |\n| network | 1.0 |"
    assert better_baselines("any", table) == ["ridge"]
    assert better_baselines("any", table.replace("RMSE", "AUC")) == ["mean"]


@pytest.mark.parametrize("name", SECTIONS)
def test_the_first_paragraph_names_the_best_baseline(name: str) -> None:
    page = text(ROOT / "docs" / "examples" / f"{name.split()[0]}.md")
    first = page.split("\n\n")[1].replace("\n", " ").lower()
    best = better_baselines(name, SECTIONS[name])[:1]
    assert [method for method in best if WORDS.get(method, method).lower() not in first] == []


def test_every_example_with_baselines_is_checked() -> None:
    assert len(SECTIONS) >= 21
    assert sum(bool(better_baselines(*section)) for section in SECTIONS.items()) >= 4
