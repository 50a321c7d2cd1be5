"""The example ``microgpt`` on a generated list of names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main as command
from chainrule.errors import DataError
from chainrule_examples import microgpt
from chainrule_examples.first_names import LENGTH, read_names
from saved_scores import check_own_input, check_saved_scores


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the package with 200 names of two alternating letters and an n."""
    draw = np.random.default_rng(0)
    place = tmp_path / "names"
    place.mkdir()
    for file in ("dist.female.first", "dist.male.first"):
        names = {
            "".join(draw.choice(list("AEIO")) + draw.choice(list("BDL")) for _ in range(3))
            for _ in range(100)
        }
        (place / file).write_text(
            "".join(f"{name:<15}0.1  1.0 {i:6}\n" for i, name in enumerate(sorted(names)))
        )
    return tmp_path


def test_names_are_different_and_in_one_part(folder: Path) -> None:
    names = read_names(str(folder))
    every = [name for part in names.parts for name in part]
    assert len(every) == len(set(every))
    assert all(name == name.lower() for name in every)
    assert all(
        x.shape == y.shape == (len(part), LENGTH)
        for part, (x, y) in zip(names.parts, names.rows, strict=True)
    )


def test_the_network_has_the_number_of_parameters_of_the_original() -> None:
    """Karpathy's program has 27 tokens and 4,192 numbers."""
    model = cr.Model(microgpt.build(27, 16, 1), "cross_entropy", metrics=[])
    model.initialize({"x": np.zeros((1, LENGTH), np.int64)})
    assert sum(array.size for array in model.parameters().values()) == 4192


@pytest.mark.long
def test_a_small_training_invents_names_and_explains_a_step(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    microgpt.main(data=str(folder), seeds=1, epochs=4, out=str(run), lang="zh")
    text = capsys.readouterr().out
    assert "每秒" in text
    assert "40,244" in text
    assert "前向传播" in text
    scores = json.loads((run / "scores.json").read_text())
    assert 1 < scores["GPT"]["perplexity"][0] < scores["frequency of letters"]["perplexity"][0]
    assert "<article" in (run / "step.html").read_text(encoding="utf-8")
    assert command(["generate", str(run), "--lang", "en"]) == 0
    (tmp_path / "b.csv").write_text("name\nemma\n")
    faults = {
        "generate 123": "use tokens such as ",
        "generate LEA": 'fix       "lea"',
        f"predict {tmp_path / 'b.csv'}": 'name the column of the texts "text"',
    }
    for words, fix in faults.items():
        name, text = words.split()
        capsys.readouterr()
        assert command([name, str(run), text, "--lang", "en"]) == 2
        assert fix in capsys.readouterr().err
    check_own_input(run, ["--text", "em"], ["--text", ""], capsys, names=None)
    check_saved_scores(run, run / "names.npz", "GPT", {"perplexity": "perplexity"}, capsys)


def test_too_few_names_are_refused(folder: Path) -> None:
    for file in (folder / "names").iterdir():
        file.write_text("MARY 2.6 2.6 1\n")
    with pytest.raises(DataError, match="E331"):
        read_names(str(folder))


def test_a_file_that_is_not_text_is_refused_with_line_and_byte(folder: Path) -> None:
    (folder / "names" / "dist.male.first").write_bytes(b"JOHN 1 1 1\n\xff\xfe\n")
    with pytest.raises(DataError, match="E307") as caught:
        read_names(str(folder))
    assert "line 2" in str(caught.value)
    assert "0xff" in str(caught.value)


def test_another_file_than_the_package_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.txt"
    other.write_text("text")
    assert command(["example", "microgpt", "--data", str(other)]) == 2
    assert " E316 " in capsys.readouterr().err
