"""The attribution of a molecule's prediction by atom: sums over the numbers of each atom, and a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data.molecules import Molecule, molecule_svg
from chainrule.page.charts import color_of, scale_limit

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
