"""A molecule with colored atoms, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.data.molecules.structure import Molecule
from chainrule.errors import DataError

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
        >>> from chainrule.data.molecules.structure import parse_smiles
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
