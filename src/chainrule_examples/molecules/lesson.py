"""Solubility of molecules: a message passing network of atoms and bonds.

A molecule is a graph: atoms are nodes, bonds are edges. In each round every atom receives messages of its
neighbors; after three rounds, a sum over the atoms predicts how much of the substance dissolves in water.
Evaluation: the official split, and a split in which no ring system of the test molecules is in the training.

Reference: Gilmer, Schoenholz, Riley, Vinyals and Dahl (2017), Neural message passing for quantum chemistry.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.inputs import MoleculeKind
from chainrule.messages import translated
from chainrule.metrics import SampledScore
from chainrule_examples import Count
from chainrule_examples.molecules.page import OPTIONS as OPTIONS
from chainrule_examples.molecules.page import TEXTS, molecule_page
from chainrule_examples.molecules.solubility import (
    METHODS,
    READER,
    Compounds,
    baseline_predictions,
    concatenate,
    read_solubility,
    scaffold_split,
)
from chainrule_examples.score_table import (
    Score,
    credit_line,
    csv_text,
    every_fifth_apart,
    print_scores,
    save_run,
)

NET, RMSE, SCAFFOLDS = "message passing network", "RMSE", "RMSE on new scaffolds"
UNITS, ROUNDS, QUICK, LONG = 64, 3, 30, 60  # QUICK, LONG: epochs


def network(mean: float, spread: float) -> cr.Layer:
    """Atoms and bonds -> a vector for each molecule -> logS, scaled by mean and spread of training values."""
    graph = cr.GraphNetwork(UNITS, rounds=ROUNDS)  # (B, N, F), (B, K, N, N), (B, N) -> (B, UNITS)
    head = [cr.Dropout(0.1), cr.Dense(UNITS, "relu"), cr.Dense(1), cr.Rescaling(spread, mean)]  # -> (B, 1)
    return cr.Sequential(graph, *head)


def train_network(train: Compounds, seed: int, epochs: int) -> cr.Model:
    """Train a network; the model contains how molecules are read, for ``chainrule predict RUN FILE``."""
    net = network(float(train.y.mean()), float(train.y.std()))
    optimizer, clip = cr.AdamW(cr.OneCycle(3e-3)), cr.ClipGlobalNorm(1.0)
    model = cr.Model(net, "mse", optimizer, metrics=[], clip=clip)
    model.fit(train.inputs, train.y, epochs=epochs, batch_size=32, seed=seed)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    MoleculeKind.trained_on(READER, train.molecules).attach(model)
    return model


def rmse(predicted: np.ndarray, test: Compounds) -> SampledScore:
    """The root of the mean squared error of logS."""
    return SampledScore(cr.metric("rmse"), (test.y, np.ravel(predicted)))


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train on both splits, and evaluate once."""
    train, test = read_solubility(data)
    splits = {RMSE: (train, test), SCAFFOLDS: scaffold_split(concatenate(train, test))}
    sizes = [len(part.y) for pair in splits.values() for part in pair]
    print(translated(TEXTS["data"], lang).format(*sizes), flush=True)
    names, models = (*METHODS, NET), []
    errors: list[list[dict[str, SampledScore]]] = [[] for _ in names]
    for seed in range(seeds):
        for own in errors:
            own.append({})
        for metric, (known, unseen) in splits.items():
            models.append(train_network(known, seed, epochs or (LONG if long else QUICK)))
            predicted = (
                *baseline_predictions(known, unseen, seed, metric == SCAFFOLDS),
                models[-1].predict(unseen.inputs),
            )
            for own, values in zip(errors, predicted, strict=True):
                own[-1][metric] = rmse(np.asarray(values), unseen)
    scores = [Score.on_test_set(name, own) for name, own in zip(names, errors, strict=True)]
    print_scores(scores, lang, RMSE)
    print(translated(TEXTS["limits"], lang), credit_line("solubility", lang), sep="\n")
    if out:
        rows = csv_text([["smiles", "y"], *zip(test.smiles.tolist(), test.y.tolist(), strict=True)])
        page = molecule_page(models[0], test, lang)
        files = {"test.csv": rows, "molecules.html": page}
        save_run(out, models[0], scores, files, known=every_fifth_apart(train.inputs))


if __name__ == "__main__":
    main()
