"""Rows of molecules for a network of graphs: a table with a column of SMILES."""

from __future__ import annotations

import numpy as np

from chainrule.attribution.atoms import by_atom
from chainrule.attribution.attribution import Attribution
from chainrule.data import Table
from chainrule.data.molecules.molecule_input import MoleculeInput
from chainrule.data.molecules.structure import Molecule, parse_smiles
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import DataError, fact
from chainrule.model import Model

FACT = "molecules"  # of ``Model.facts``: how the model reads molecules
COLUMN = "smiles"


def molecule_input(model: Model) -> MoleculeInput | None:
    """How the model reads molecules; ``None`` if it does not."""
    return MoleculeInput.from_record(model.facts.get(FACT))


def read_molecule_rows(reader: MoleculeInput, table: Table) -> tuple[dict[str, np.ndarray], Table]:
    """The graphs of all rows, and the table.

    Args:
        reader: of the model.
        table: has a column of SMILES, whose name is ``smiles`` in any case.

    Raises:
        DataError: E313 there is no such column. E343: no rows. E390: a cell that is not a SMILES,
        or a molecule that is too large; the message has its line.
    """
    molecules, places = molecules_in(table)
    return reader(molecules, places), table


def molecules_in(table: Table) -> tuple[list[Molecule], list[str]]:
    """The molecules of a table, and their positions for errors.

    Raises:
        DataError E313, E343, E390: as ``read_molecule_rows``.
    """
    column = next((name for name in table.columns if name.lower() == COLUMN), None)
    if column is None:
        expected = fact('the column "{name}" with molecules', name=COLUMN)
        received = ", ".join(table.columns)
        fix = fact('name the column of the molecules "{name}"', name=COLUMN)
        raise DataError(
            "E313", where=table.source, name=COLUMN, expected=expected, received=received, fix=fix
        )
    if not table.rows:
        raise DataError("E343", where=table.source, expected=fact("at least one row"), received=fact("none"))
    cells = table.words(column).cast(pl.String).fill_null("").to_list()
    places: list[str] = [
        fact('{place}, column "{column}"', place=table.place(row), column=column) for row in range(table.rows)
    ]
    return [parse_smiles(cell, place) for cell, place in zip(cells, places, strict=True)], places


def with_atoms(model: Model, attribution: Attribution, cells: Table | None) -> Attribution:
    """The attribution by atom, if the model reads molecules; otherwise as it is.

    Args:
        model: the model.
        attribution: of rows of a table.
        cells: these rows.
    """
    if cells is None or molecule_input(model) is None:
        return attribution
    return by_atom(attribution, molecules_in(cells)[0])
