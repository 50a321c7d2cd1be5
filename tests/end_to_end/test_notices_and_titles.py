"""Notices of commands: training rows, the positive class, encodings, the next command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TABLE = "城市,x,y\n" + "".join(f"{'上海北京'[i % 2 * 2 :][:2]},{i},{'是否'[i % 2]}\n" for i in range(30))


@pytest.mark.parametrize(("encoding", "name"), [("gb18030", "GB18030"), ("cp1252", "windows-1252")])
def test_another_encoding_is_read_with_a_notice(chainrule, encoding: str, name: str) -> None:
    lines = "".join(f"{['Müller', 'Köln'][i % 2]};{i};{['ja', 'nein'][i % 3 % 2]}\n" for i in range(30))
    text = TABLE if encoding == "gb18030" else "naïve;x;y\n" + lines
    Path("old table.csv").write_bytes(text.encode(encoding))
    outcome = chainrule("train", "old table.csv", "--target", "y", "--epochs", 1)
    assert outcome.code == 0, outcome.err
    assert name.lower() in outcome.out.lower()
    assert ("北京" if encoding == "gb18030" else "Müller") in outcome.out


def test_evaluate_warns_about_training_rows(chainrule, run: Path) -> None:
    outcome = chainrule("evaluate", run, "iris")
    assert "(96 training, 24 validation rows)" in outcome.err
    lines = (
        "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),species\n5,3,1,0.2,setosa\n"
    )
    Path("new.csv").write_text(lines)
    assert "The model was trained on these rows" not in chainrule("evaluate", run, "new.csv").err
    Path("bare.csv").write_text(lines.replace(",species", "").replace(",setosa", ""))
    assert "chainrule predict run bare.csv" in chainrule("evaluate", run, "bare.csv").err


def test_the_positive_class_of_f1_is_named(chainrule, credit: Path) -> None:
    outcome = chainrule("train", credit, "--target", "credit", "--epochs", 2, "--net", "", "--lang", "zh")
    assert outcome.code == 0, outcome.err
    assert "F1 是类别 bad 的 F1。" in outcome.out
    assert re.search(r"下一步：chainrule predict runs/credit-1 .*credit.csv --lang zh\n", outcome.out)
    assert "F1 of the class bad." in Path("runs/credit-1/report.html").read_text(encoding="utf-8")


def test_help_is_in_one_language(chainrule) -> None:
    for command in ("train", "show", "example"):
        text = chainrule(command, "--help", "--lang", "zh").out
        assert not re.search(r"Usage|Arguments:|Options:|required|default|exit", text), text
        assert "用法：chainrule" in text


def test_an_unfinished_run_is_refused_with_the_resume_command(chainrule, run: Path) -> None:
    (run / "model.safetensors").unlink()
    assert f"fix       chainrule train iris --out {run} --resume" in chainrule("predict", run, "iris").err
