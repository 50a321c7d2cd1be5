"""Molecules: SMILES parsed by RDKit as graphs for a network, descriptors, scaffolds and drawings."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import DataError, fact
from chainrule.optional_dependency import missing
from chainrule.records import frozen

# Parse molecules by RDKit, with an error that names the fault of a SMILES.

Molecule: TypeAlias = Any  # an rdkit.Chem.Mol
MAX_SMILES = 2000  # characters
MAX_BLOCKS = 100_000  # molecules of a file


def chemistry(where: str) -> Any:
    """Return the module ``rdkit.Chem`` (E350), with its log switched off: errors are raised here."""
    try:
        from rdkit import Chem, RDLogger  # noqa: PLC0415, only molecules need it
    except ImportError as error:
        raise missing("molecules", where) from error
    RDLogger.DisableLog("rdApp.*")  # pyright: ignore[reportAttributeAccessIssue]
    return Chem


def parse_smiles(smiles: str, where: str) -> Molecule:
    """Parse a SMILES.

    Args:
        smiles: the text; spaces around it are ignored.
        where: its position, for errors.

    Raises:
        DataError E350: RDKit is not installed. E390: not a SMILES, or not a possible molecule.

    Example:
        >>> parse_smiles("CCO", "the example").GetNumAtoms()
        3
    """
    chem, text = chemistry(where), smiles.strip()
    if not text:
        raise _refused(where, fact("an empty text"))
    if len(text) > MAX_SMILES or any(character.isspace() for character in text):
        raise _refused(where, text[:80])
    draft = chem.MolFromSmiles(text, sanitize=False)
    if draft is None or not draft.GetNumAtoms():
        raise _refused(where, text[:80])
    problems = [problem.Message() for problem in chem.DetectChemistryProblems(draft)]
    molecule = chem.MolFromSmiles(text)
    if molecule is None:
        raise _refused(where, text[:80], problems[:1])
    return molecule


def read_blocks(content: bytes, where: str) -> Iterator[Molecule]:
    """Yield the molecules of an SDF file, with properties ``GetPropsAsDict()`` (E350; E390: its number)."""
    chem = chemistry(where)
    for number, molecule in enumerate(chem.ForwardSDMolSupplier(io.BytesIO(content)), start=1):
        if molecule is None or number > MAX_BLOCKS:
            place = fact("{file}, molecule {number}", file=where, number=number)
            raise _refused(place, fact("a block that cannot be read"))
        yield molecule


def _refused(where: str, received: object, problems: list[str] | None = None) -> DataError:
    expected = fact("a SMILES such as {smiles}", smiles="CC(=O)O")
    fix = fact("correct the SMILES, or leave the row out")
    return DataError("E390", where=where, expected=expected, received=received, notes=problems or [], fix=fix)


# A molecule with colored atoms, as SVG.

WIDTH, HEIGHT = 420, 300  # pixels
LIBRARIES = "libXrender, libXext"  # of the system; RDKit's drawing is linked with them
INSTALL = "apt-get install libxrender1 libxext6"  # on Debian


def molecule_svg(molecule: Molecule, colors: Sequence[str] = (), caption: str = "") -> str:
    """Return the structural formula, with a colored disk behind each atom.

    Args:
        colors: of the atoms, such as ``"#2563a8"``; empty for none.
        caption: a line below; characters that RDKit cannot draw are left out.

    Raises:
        DataError E350: the system libraries that RDKit draws with are not installed.

    Example:
        >>> from chainrule.data.molecules import parse_smiles
        >>> molecule = parse_smiles("CO", "row 1")
        >>> molecule_svg(molecule, ["#ffffff", "#2563a8"])[:4]  # doctest: +SKIP
        '<svg'
    """
    try:
        from rdkit.Chem.Draw import rdMolDraw2D  # noqa: PLC0415, a molecule exists, so RDKit is installed
    except ImportError as error:
        raise DataError(
            "E350", where="molecule_svg", library=LIBRARIES, expected=LIBRARIES, fix=INSTALL
        ) from error
    drawing = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
    options = drawing.drawOptions()
    options.useBWAtomPalette()
    options.addAtomIndices = True  # from 0, as in the table of an attribution
    options.highlightBondWidthMultiplier = 8
    options.fillHighlights, options.continuousHighlight, options.circleAtoms = True, False, True
    shades = {i: tuple(int(c[j : j + 2], 16) / 255 for j in (1, 3, 5)) for i, c in enumerate(colors)}
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawing,
        molecule,
        legend=caption,
        highlightAtoms=list(shades),
        highlightAtomColors=shades,
        highlightBonds=[],
    )
    drawing.FinishDrawing()
    text = drawing.GetDrawingText()
    return text[text.index("<svg") :].strip()


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
        >>> from chainrule.data.molecules import parse_smiles
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
        """Return the input of a record; ``None`` if it is not valid, or of other features.

        Args:
            record: what a model file has.
        """
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
