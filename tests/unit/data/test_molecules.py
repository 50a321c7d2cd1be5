"""Molecules: the graph does not depend on how a SMILES is written; invalid ones are refused by line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.molecules import BONDS, FEATURES, MoleculeInput, molecule_svg, parse_smiles, read_blocks
from chainrule.errors import DataError
from chainrule_examples.molecules.solubility import DESCRIPTORS, all_descriptors, descriptors, scaffold

chem = pytest.importorskip("rdkit.Chem")
ASPIRIN, CAFFEINE = "CC(=O)Oc1ccccc1C(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C"
MOLECULES = (ASPIRIN, CAFFEINE, "C#N", "[Na+].[Cl-]", "C", "FC(F)(Cl)Br", "OS(=O)(=O)O", "C[Sn](C)(C)C")
READER = MoleculeInput(16)


def graph(smiles: str) -> dict[str, np.ndarray]:
    return {name: array[0] for name, array in READER([parse_smiles(smiles, "row 1")], ["row 1"]).items()}


def outcome(smiles: str) -> str:
    """``parsed``, if there is a molecule with atoms, or the code of the error."""
    try:
        return "parsed" if parse_smiles(smiles, "row 1").GetNumAtoms() else "no atoms"
    except DataError as error:
        return error.code


def permuted(smiles: str, order: list[int]) -> str:
    """A SMILES of the same molecule that lists its atoms in another order."""
    molecule = chem.RenumberAtoms(chem.MolFromSmiles(smiles), order)
    return chem.MolToSmiles(molecule, canonical=False)


def counted(values: dict[str, np.ndarray]) -> list[tuple[float, ...]]:
    """For each atom its numbers and those of its neighbors: independent of the order of the atoms."""
    nodes, edges = values["nodes"].astype(float), values["edges"].astype(float)
    around = [matrix @ nodes for matrix in edges]
    return sorted(tuple(np.round(row, 4)) for row in np.concatenate([nodes, *around], 1))


@given(st.sampled_from(MOLECULES), st.randoms(use_true_random=False))
def test_the_graph_does_not_depend_on_how_the_smiles_is_written(smiles: str, random) -> None:
    order = list(range(chem.MolFromSmiles(smiles).GetNumAtoms()))
    random.shuffle(order)
    assert counted(graph(permuted(smiles, order))) == counted(graph(smiles))


@pytest.mark.parametrize("smiles", MOLECULES)
def test_edges_are_the_bonds_in_both_directions_and_padding_is_0(smiles: str) -> None:
    values, molecule = graph(smiles), chem.MolFromSmiles(smiles)
    count = molecule.GetNumAtoms()
    edges = values["edges"]
    assert (edges == edges.transpose(0, 2, 1)).all()
    assert edges.sum() == 2 * molecule.GetNumBonds()
    assert values["mask"].tolist() == [True] * count + [False] * (16 - count)
    assert not values["nodes"][count:].any()
    bonds = [bond.GetBondType().name for bond in molecule.GetBonds()]
    assert edges.sum((1, 2)).tolist() == [2 * bonds.count(kind) for kind in BONDS]


@pytest.mark.parametrize("smiles", [ASPIRIN, CAFFEINE])
def test_contributions_of_atoms_sum_to_the_descriptors(smiles: str) -> None:
    sums = graph(smiles)["nodes"].sum(0) * ([1.0] * (len(FEATURES) - 3) + [1, 5, 20])
    expected = descriptors([chem.MolFromSmiles(smiles)], ("MolLogP", "MolMR", "TPSA"))[0]
    hydrogen = chem.AddHs(chem.MolFromSmiles(smiles)).GetNumAtoms() - chem.MolFromSmiles(smiles).GetNumAtoms()
    assert sums[-1] == pytest.approx(expected[2], rel=1e-4)
    assert abs(sums[-3] - expected[0]) < 0.4 * hydrogen  # those of hydrogen atoms are not in the graph
    assert sums[-2] < expected[1]


def test_descriptors_and_scaffolds_are_those_of_known_molecules() -> None:
    aspirin = parse_smiles(ASPIRIN, "row 1")
    values = dict(zip(DESCRIPTORS, descriptors([aspirin])[0], strict=True))
    assert values["MolWt"] == pytest.approx(180.16, abs=0.01)
    assert (values["NumHDonors"], values["RingCount"], values["HeavyAtomCount"]) == (1, 1, 13)
    assert scaffold(aspirin) == "c1ccccc1"
    assert scaffold(parse_smiles("CCO", "row 1")) == ""
    every = descriptors([aspirin], all_descriptors())
    assert every.shape == (1, len(all_descriptors()))
    assert np.isfinite(every).all()


@pytest.mark.parametrize("text", ["", "  ", "hello world", "C1CC", "C(C", "[", "C" * 3000, "c1cccc1"])
def test_texts_that_are_no_molecules_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="E390") as caught:
        parse_smiles(text, "line 7")
    assert "line 7" in str(caught.value)


def test_an_impossible_molecule_is_refused_with_its_atom() -> None:
    with pytest.raises(DataError, match=r"valence for atom # 1 N"):
        parse_smiles("CN(C)(C)(C)C", "line 2")


def test_a_molecule_with_too_many_atoms_is_refused() -> None:
    with pytest.raises(DataError, match="E390") as caught:
        graph("C" * 17)
    assert "at most 16 atoms" in str(caught.value)


@given(st.text(st.sampled_from("CNOc1()[]=#+-%@/\\.HBr2"), max_size=12))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    assert outcome(text) in {"E390", "parsed"}


def test_records_are_read_back_and_foreign_ones_are_not() -> None:
    record = READER.to_record()
    assert MoleculeInput.from_record(record) == READER
    foreign = [
        None,
        [],
        {},
        {**record, "max_atoms": 0},
        {**record, "max_atoms": 10**9},
        {**record, "features": []},
    ]
    assert [MoleculeInput.from_record(value) for value in foreign] == [None] * len(foreign)


def test_blocks_are_read_and_a_damaged_one_is_named() -> None:
    block = chem.MolToMolBlock(chem.MolFromSmiles("CCO")) + "$$$$\n"
    assert [m.GetNumAtoms() for m in read_blocks((block * 2).encode(), "file.sdf")] == [3, 3]
    with pytest.raises(DataError, match=r"file.sdf, molecule 2"):
        list(read_blocks((block + block.replace("  3  2", "  9  9", 1)).encode(), "file.sdf"))


def test_a_drawing_has_a_disk_in_the_color_of_each_atom() -> None:
    colors = ["#2563a8", "#d1660f", "#92b1d4"]
    pytest.importorskip("rdkit.Chem.Draw.rdMolDraw2D", exc_type=ImportError)
    svg = molecule_svg(parse_smiles("CCO", "row 1"), colors)
    assert svg.startswith("<svg")
    assert all(color.upper() in svg.upper() for color in colors)
    assert not any(f"<{tag}" in svg for tag in ("script", "image", "foreignObject"))
    pairs = itertools.combinations(
        [molecule_svg(parse_smiles(s, "row 1"), ()) for s in ("CCO", "CCN", "C")], 2
    )
    assert all(a != b for a, b in pairs)
