"""Molecules as padded graphs: numbers of each atom, the bonds of each kind, and which atoms exist.

Hydrogen atoms are not nodes; each atom has their number. Beside element, neighbors and rings, the numbers of
an atom contain its contributions to three properties of the molecule that are sums over atoms: logP and molar
refractivity (Wildman and Crippen) and polar surface area (Ertl). The settings are stored with the model, so
that ``chainrule predict RUN FILE`` reads molecules as the training did.

Reference: Wildman and Crippen (1999), Prediction of physicochemical parameters by atomic contributions; Ertl,
Rohde and Selzer (2000), Fast calculation of molecular polar surface area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.data.molecules.structure import Molecule
from chainrule.errors import DataError, fact
from chainrule.records import frozen

ELEMENTS = ("C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
BONDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")
HYBRIDIZATIONS = ("SP", "SP2", "SP3")
MAX_COUNT = 4  # of neighbors or of hydrogen atoms; larger numbers share a feature
MAX_ATOMS = 256
SCALES = 1.0, 5.0, 20.0  # of the contributions to logP, molar refractivity and polar surface area
_COUNTS = range(MAX_COUNT + 1)
_NEIGHBORS = (*(f"{i} neighbors" for i in _COUNTS), *(f"{i} hydrogen atoms" for i in _COUNTS))
_STATE = ("charge", "aromatic", "in a ring", "in a ring of 5", "in a ring of 6", *HYBRIDIZATIONS)
_SURFACE = ("logP", "molar refractivity", "polar surface area")
FEATURES = (*ELEMENTS, "other element", *_NEIGHBORS, *_STATE, *_SURFACE)


@frozen
class MoleculeInput:
    """Molecules as graphs of fixed size.

    Args:
        max_atoms: N, the number of atoms that larger molecules must not exceed.

    Example:
        >>> from chainrule.data.molecules.structure import parse_smiles
        >>> graphs = MoleculeInput(8)([parse_smiles("CCO", "row 1")], ["row 1"])
        >>> {name: array.shape for name, array in graphs.items()}
        {'nodes': (1, 8, 31), 'edges': (1, 4, 8, 8), 'mask': (1, 8)}
    """

    max_atoms: int

    def __call__(self, molecules: Sequence[Molecule], places: Sequence[str]) -> dict[str, np.ndarray]:
        """Return inputs of ``cr.GraphNetwork``: ``nodes`` (B, N, F), ``edges`` (B, K, N, N), ``mask`` (B, N).

        Raises E390 with its place for a molecule that has too many atoms.
        """
        shape = len(molecules), self.max_atoms
        nodes, mask = np.zeros((*shape, len(FEATURES)), np.float32), np.zeros(shape, bool)
        edges = np.zeros((shape[0], len(BONDS), self.max_atoms, self.max_atoms), bool)
        for i, (molecule, place) in enumerate(zip(molecules, places, strict=True)):
            count = molecule.GetNumAtoms()
            if count > self.max_atoms:
                expected = fact("at most {count} atoms", count=self.max_atoms)
                received = fact("{count} atoms", count=count)
                fix = fact("leave the row out")
                raise DataError("E390", where=place, expected=expected, received=received, fix=fix)
            nodes[i, :count], mask[i, :count] = atom_features(molecule), True
            for bond in molecule.GetBonds():
                kind = _bond_kind(bond.GetBondType().name)
                a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
                edges[i, kind, a, b] = edges[i, kind, b, a] = True
        return {"nodes": nodes, "edges": edges, "mask": mask}

    def to_record(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return {"max_atoms": self.max_atoms, "features": list(FEATURES)}

    @staticmethod
    def from_record(record: object) -> MoleculeInput | None:
        """Return the input of a record; ``None`` if it is not valid, or of other features."""
        if not isinstance(record, Mapping) or record.get("features") != list(FEATURES):
            return None
        count = record.get("max_atoms")
        return MoleculeInput(count) if type(count) is int and 1 <= count <= MAX_ATOMS else None


def atom_features(molecule: Molecule) -> np.ndarray:
    """Return the numbers of each atom, (N, F), in the order of ``FEATURES``."""
    from rdkit.Chem import rdMolDescriptors  # noqa: PLC0415, a molecule exists, so RDKit is installed

    crippen = rdMolDescriptors._CalcCrippenContribs(molecule)
    polar = rdMolDescriptors._CalcTPSAContribs(molecule)
    sums = np.column_stack([np.asarray(crippen, float).reshape(-1, 2), polar]) / SCALES  # (N, 3)
    own = [_of_atom(atom) for atom in molecule.GetAtoms()]
    return np.concatenate([np.asarray(own, float), sums], 1).astype(np.float32)


def _of_atom(atom: Any) -> list[float]:
    """Return the features of one atom."""
    symbol, hybridization = atom.GetSymbol(), atom.GetHybridization().name
    element = ELEMENTS.index(symbol) if symbol in ELEMENTS else len(ELEMENTS)
    flags = (atom.GetIsAromatic(), atom.IsInRing(), atom.IsInRingSize(5), atom.IsInRingSize(6))
    return [
        *_one_hot(element, len(ELEMENTS) + 1),
        *_one_hot(atom.GetDegree(), MAX_COUNT + 1),
        *_one_hot(atom.GetTotalNumHs(), MAX_COUNT + 1),
        float(atom.GetFormalCharge()),
        *map(float, flags),
        *(float(hybridization == name) for name in HYBRIDIZATIONS),
    ]


def _one_hot(number: int, length: int) -> list[float]:
    return [float(i == min(number, length - 1)) for i in range(length)]


def _bond_kind(name: str) -> int:
    """Return the number of a kind of bonds; those between a metal and a ligand count as single."""
    return BONDS.index(name) if name in BONDS else 0
