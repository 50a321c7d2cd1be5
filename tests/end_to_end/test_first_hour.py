"""The first hour of a newcomer, a student and a teacher: what they type, and what they read.

The outputs are golden files that were read with their eyes. Numbers, bars and times differ between machines
and are masked; words, names, order and commands are compared.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

import chainrule as cr

NEWCOMER = """
--version
--help
trian iris
example
data list
data get irs
data gett
train
train irs
train missing.csv
train iris --target specis
train iris --epochs ten
train iris --epochs
train iris --task regression
train iris --out run
check iris
check flowers.csv --target species
show run
evaluate run iris
evaluate run flowers.csv
doctor run
resume run
resume run --epochs 2
predict run
predict run flowers.csv
predict run flowers.csv --proba
predict run flowers.csv --probba
predict run flowers.csv --out flowers.csv
predict run missing.csv
explain run iris --row 3
explain run flowers.csv --row 2
explain run iris
explain run iris --row 200
explain run iris --row three
explain run iris --row 3 --depht 2
attribute run iris --row 60
attribute run iris --row 60 --target rose
attribute run flowers.csv --row 1 --method shaply
explain nowhere iris --row 3
plot run curves
plot run decision-boundary iris --of "width"
"""
STUDENT = """
show
show net "8 relu, dropout 0.2"
show layer Dense
show layer Dens
show activation tanh
show loss cross_entropy
show optimizer adam
show rule input-scale
show error E999
plot run weights
plot run learning-curves
explain run iris --step 1 --depth 1
example article --depth 1
explain run iris --row 3 --depth 2
explain run iris --row 3 --depth 1
explain run iris --row 3 --weight "dense1.weight[0,1]" --depth 1
explain run iris --row 3 --weight "dense1.wieght[0,1]"
explain run iris --row 3 --weight "dense1.weight[9,9]"
explain run iris --row 3 --set "dense1.weight[0,1]=0.7"
explain run iris --row 3 --depth 4
explain run iris --row 3 --member 1
show error E540
attribute run iris --row 60 --method saliency
"""
TEACHER = """
example article --html page.html
explain run iris --row 3 --html page.html
explain run flowers.csv --row 1 --depth 2 --html page.html
explain run iris --row 3 --html nowhere/page.html
attribute run iris --row 60 --html page.html
attribute run iris --row 60 --counterfactual setosa
attribute run iris --row 60 --counterfactual rose
attribute run iris --importance
attribute run iris --importance --row 3
doctor run --html doctor.html
train iris --epochs 3 --net "4 tanh" --out first
plot run learning-curves --out curves.gif
explain run iris --row 3 --lang fr
"""
SCRIPTS = {"newcomer": NEWCOMER, "student": STUDENT, "teacher": TEACHER}


def masked(text: str, folder: Path) -> str:
    """The text without what differs between machines."""
    text = text.replace(str(folder), "FOLDER")
    number = r"[ \t]*[+−±-]?[ \t]?(\d[\d,]*\.\d+|\d+(?=×10|%))(×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|e-?\d+)?"
    text = re.sub(r"steps=\d+", "steps=#", re.sub(number, " #", text))
    text = re.sub(r"[ \t]*[█░]*(?=\n|$)", "", text)
    text = re.sub(r"[─═]+", "─", text)
    lines = [line for line in text.splitlines() if "fonts-noto" not in line]  # as on a machine with fonts
    return re.sub(r"[ \t]+", " ", "\n".join(lines)) + "\n"


def transcript(chainrule: Callable, script: str, lang: str) -> str:
    """The commands with their outputs and exit codes."""
    lines = []
    for command in script.strip().splitlines():
        words = shlex.split(command)
        outcome = chainrule(*words, *(() if "--lang" in words or "--version" in words else ("--lang", lang)))
        assert "Traceback" not in outcome.err, command
        lines += [
            f"$ chainrule {command}",
            outcome.out.rstrip(),
            outcome.err.rstrip(),
            f"[{outcome.code}]",
            "",
        ]
    return "\n".join(line for line in lines if line) + "\n"


@pytest.fixture
def one_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One data set has a copy, whatever was downloaded on this machine."""
    copies = {"names": Path("names-0.3.0.tar.gz")}
    monkeypatch.setattr("chainrule.apps.cli.commands.data.copy_of", copies.get)


@pytest.mark.usefixtures("one_copy")
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("reader", SCRIPTS)
def test_the_outputs_are_those_that_were_read(
    chainrule: Callable, run: Path, golden: Callable[[str, str], None], reader: str, lang: str
) -> None:
    frame = cr.read_table("iris").frame
    frame.drop("species")[:2].write_csv("flowers.csv")
    text = masked(transcript(chainrule, SCRIPTS[reader], lang), Path.cwd())
    golden(f"first_hour/{reader}.{lang}.txt", text)
    chinese = [line for line in text.splitlines() if re.search("[一-鿿]", line)]
    assert bool(chinese) == (lang == "zh") or lang == "en"


def test_the_script_is_an_hour() -> None:
    assert sum(len(script.strip().splitlines()) for script in SCRIPTS.values()) >= 60


def page_text(html: str) -> str:
    """The words of a page, one block a line, with its texts of both languages."""
    html = re.sub(r"(?s)<(style|script|svg)\b.*?</\1>", "", html)
    html = re.sub(r"<(tr|p|h\d|li|div|section|pre|summary|dt)\b[^>]*>", "\n", html)
    html = re.sub(r"</?(td|th|dd|span)\b[^>]*>", " ", html)
    lines = [line.strip() for line in unescape(re.sub(r"<[^>]+>", "", html)).splitlines()]
    return "\n".join(line for line in lines if line)


PAGES = {
    "explanation": "explain run flowers.csv --row 1 --depth 1 --html page.html --lang zh",
    "attribution": "attribute run iris --row 60 --html page.html --lang zh",
    "article": "example article --depth 1 --html page.html",
    "doctor": "doctor run --html page.html",
}


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_those_that_were_read(
    chainrule: Callable, run: Path, golden: Callable[[str, str], None], page: str
) -> None:
    cr.read_table("iris").frame.drop("species")[:2].write_csv("flowers.csv")
    assert chainrule(*shlex.split(PAGES[page])).code == 0
    text = page_text(Path("page.html").read_text(encoding="utf-8"))
    golden(f"first_hour/page_{page}.txt", masked(text, Path.cwd()))


def test_the_report_is_the_one_that_was_read(run: Path, golden: Callable[[str, str], None]) -> None:
    text = page_text(Path("run/report.html").read_text(encoding="utf-8"))
    card = Path("run/model-card.md").read_text(encoding="utf-8")
    golden("first_hour/page_report.txt", masked(f"{text}\n\n{card}", Path.cwd()))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_notebook_shows_what_was_read(
    chainrule: Callable, run: Path, golden: Callable[[str, str], None], lang: str
) -> None:
    model = cr.load("run/model.safetensors")
    row = cr.read_table("iris").frame[59:60]
    with cr.settings.using(lang=lang):  # type: ignore[arg-type]
        explanation, attribution = model.explain(row, depth=0), model.attribute(row)
        texts = [repr(explanation), str(explanation), repr(attribution), str(attribution)]
        texts += [repr(model.history), str(model.summary())]
        for value in (explanation, attribution):
            html = value._repr_html_()
            assert html.startswith("<article")
            assert "petal length (cm)" in html
    golden(f"first_hour/notebook.{lang}.txt", masked("\n".join(texts), Path.cwd()))
