"""Numbers that describe a complete molecule, and its scaffold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.molecules.structure import Molecule

DESCRIPTORS = tuple(
    (
        "MolLogP MolMR MolWt TPSA NumHDonors NumHAcceptors NumRotatableBonds NumAromaticRings RingCount "
        "FractionCSP3 HeavyAtomCount NumHeteroatoms"
    ).split()
)
"""Names in ``rdkit.Chem.Descriptors``."""
LARGE = 1e6


def all_descriptors() -> tuple[str, ...]:
    """Return the names of all descriptors of RDKit, about 200."""
    from rdkit.Chem import Descriptors  # noqa: PLC0415, molecules are read before

    return tuple(name for name, _ in Descriptors.descList)


def descriptors(molecules: Sequence[Molecule], names: Sequence[str] = DESCRIPTORS) -> np.ndarray:
    """Return descriptors of molecules, (N, D); those not defined for a molecule, or beyond 1e6, are 0.

    Example:
        >>> from chainrule.data.molecules.structure import parse_smiles
        >>> descriptors([parse_smiles("CCO", "row 1")])[0, 2].round(1).item()  # the mass of ethanol
        46.1
    """
    from rdkit.Chem import Descriptors  # noqa: PLC0415, molecules exist, so RDKit is installed

    compute = [getattr(Descriptors, name) for name in names]
    values = np.array([[function(molecule) for function in compute] for molecule in molecules], float)
    return np.where(np.abs(values) < LARGE, values, 0.0)  # NaN is not below


def scaffold(molecule: Molecule) -> str:
    """Return the rings of a molecule and what links them, as SMILES (Murcko scaffold); empty without rings.

    Example:
        >>> from chainrule.data.molecules.structure import parse_smiles
        >>> scaffold(parse_smiles("CCc1ccccc1O", "row 1"))
        'c1ccccc1'

    Reference: Bemis and Murcko (1996), The properties of known drugs, 1: molecular frameworks (Journal of
    Medicinal Chemistry 39).
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold  # noqa: PLC0415, a molecule exists

    return MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)
