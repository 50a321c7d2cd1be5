"""Parse molecules by RDKit, with an error that names the fault of a SMILES."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, TypeAlias

from chainrule.data.readers.optional_dependency import missing
from chainrule.errors import DataError, fact

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
