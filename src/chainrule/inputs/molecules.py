"""Molecules for a network of graphs: a table with a column of SMILES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data import Table
from chainrule.data.molecules import Molecule, MoleculeInput, molecule_svg, parse_smiles
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.errors import DataError, fact
from chainrule.escaping import quoted
from chainrule.inputs.kind import InputKind, InputRows, is_archive
from chainrule.inputs.texts import target_column, targets_in
from chainrule.model import Model
from chainrule.page.charts import color_of, scale_limit
from chainrule.records import frozen

COLUMN = "smiles"


@frozen
class MoleculeKind(InputKind):
    """Molecules of a table with a column of SMILES, whose name is ``smiles`` in any case.

    Args:
        reader: how molecules become graphs.
        elements: of the training molecules; a molecule with another one is refused. Empty: none is.
    """

    name = "molecules"
    reader: MoleculeInput
    elements: tuple[str, ...] = ()

    @classmethod
    def trained_on(cls, reader: MoleculeInput, molecules: Sequence[Molecule]) -> Self:
        """Return the kind that refuses molecules with elements that these do not have."""
        return cls(reader, elements_of(molecules))

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that stores how it reads molecules."""
        reader = MoleculeInput.from_record(model.facts.get("molecules"))
        stored = model.facts.get("elements", [])
        is_valid = isinstance(stored, list) and all(isinstance(name, str) for name in stored)
        return None if reader is None else cls(reader, tuple(stored) if is_valid else ())

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return a table with a column of molecules (E313) and rows (E343)."""
        if is_archive(data):
            return None
        table = read_source(data, reading)
        _column_of(table)
        return table

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the column of SMILES."""
        return (COLUMN,)

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the graphs of the molecules.

        Raises:
            DataError E390: a cell that is not a SMILES, or a molecule that is too large or has an element
                that no training molecule has; the message has its line.
        """
        molecules, places = molecules_in(table)
        if self.elements:
            _require_elements(molecules, places, self.elements)
        x = self.reader(molecules, places)
        return InputRows(self, x, targets_in(table, model), table.rows, table)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the column that a table needs."""
        expected = fact('the column "{name}" with molecules', name=COLUMN)
        return expected, f"chainrule predict {quoted(run)} molecules.csv"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the column of the targets."""
        return target_column()

    @property
    def facts(self) -> dict[str, Any]:
        """How molecules become graphs, and the elements of the training."""
        return {"molecules": self.reader.to_record(), "elements": list(self.elements)}

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        """Return the attribution by atom."""
        assert row.cells is not None
        return by_atom(attribution, molecules_in(row.cells)[0])


def elements_of(molecules: Sequence[Molecule]) -> tuple[str, ...]:
    """Return the symbols of the elements in molecules, sorted."""
    return tuple(sorted({atom.GetSymbol() for molecule in molecules for atom in molecule.GetAtoms()}))


def _require_elements(
    molecules: Sequence[Molecule], places: Sequence[str], elements: tuple[str, ...]
) -> None:
    """Refuse a molecule with an element that the network was not trained on (E390)."""
    for molecule, place in zip(molecules, places, strict=True):
        others = [name for name in elements_of([molecule]) if name not in elements]
        if others:
            expected = fact("the elements of the training: {names}", names=", ".join(elements))
            fix = fact("leave the row out")
            raise DataError("E390", where=place, expected=expected, received=", ".join(others), fix=fix)


def _column_of(table: Table) -> str:
    """Return the column of the molecules of a table with rows."""
    column = next((name for name in table.columns if name.lower() == COLUMN), None)
    if column is None:
        raise DataError(
            "E313",
            where=table.source,
            name=COLUMN,
            expected=fact('the column "{name}" with molecules', name=COLUMN),
            received=", ".join(table.columns),
            fix=fact('name the column of the molecules "{name}"', name=COLUMN),
        )
    if not table.rows:
        raise DataError("E343", where=table.source, expected=fact("at least one row"), received=fact("none"))
    return column


def molecules_in(table: Table) -> tuple[list[Molecule], list[str]]:
    """Return the molecules of a table, and their positions; errors as ``MoleculeKind.encode``."""
    column = _column_of(table)
    cells = table.words(column).cast(pl.String).fill_null("").to_list()
    places: list[str] = [
        fact('{place}, column "{column}"', place=table.place(row), column=column) for row in range(table.rows)
    ]
    return [parse_smiles(cell, place) for cell, place in zip(cells, places, strict=True)], places


NODES = "nodes"  # the input with the atoms
MAX_DRAWN = 5  # molecules


def by_atom(attribution: Attribution, molecules: Sequence[Molecule]) -> Attribution:
    """Return the same attribution with one value for each atom, and with a drawing of each molecule.

    Args:
        attribution: of a network of graphs; its values of ``nodes`` are (n, N, F).
        molecules: n molecules. Of several, the values of those with fewer atoms end in zeros.
    """
    count = max(molecule.GetNumAtoms() for molecule in molecules)
    values = _atoms(attribution.values, count)
    colors = [values[NODES][i, : m.GetNumAtoms()] for i, m in enumerate(molecules)]
    drawings = tuple(
        molecule_svg(molecule, [color_of(float(v)) for v in own / scale_limit(own)])
        for molecule, own in zip(molecules[:MAX_DRAWN], colors, strict=False)
    )
    words = tuple(tuple(atom.GetSymbol() for atom in molecule.GetAtoms()) for molecule in molecules)
    errors = None if attribution.errors is None else _atoms(attribution.errors, count)
    return replace(attribution, values=values, errors=errors, words=words, drawings=drawings)


def _atoms(values: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Return sums over the numbers of each atom; of inputs beside the atoms, those that are not all 0."""
    others = {name: array for name, array in values.items() if name != NODES and array.any()}
    return {NODES: values[NODES].sum(axis=-1)[:, :count], **others}  # (n, N, F) -> (n, count)
