"""Compare the two samplers of ``chainrule tune`` at the same number of trials, on real tables.

``python -m campaigns.tuning --data FOLDER`` takes the first ten small tables of
``campaigns.table_cases.development``, sets the test rows of each split aside, searches the settings of the
ensemble on the others with each sampler, and scores the default settings and both best trials on the test
rows. ``--write`` writes the table of ``docs/tuning.md``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.table_cases.case import Case
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.protocol import Store, split
from campaigns.table_cases.sources import unpack

from chainrule.tabular.options import Options
from chainrule.tabular.search.problem import METRIC, Problem
from chainrule.tabular.search.space import Settings
from chainrule.tabular.search.study import JOURNAL, SAMPLERS, Study

PAGE = Path(__file__).parents[1] / "docs" / "tuning.md"
TABLES, MAX_ROWS = 10, 1_000
DEFAULT = "default"


def kind(case: Case) -> str:
    """The task of a table."""
    return "regression" if case.task == "regression" else "classification"


def run(case: Case, frame: pl.DataFrame, seed: int, trials: int) -> dict[str, float]:
    """The scores of the default settings and of the best trial of each sampler on the test rows."""
    train, test = split(case, frame, seed)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "train.csv"), Path(folder, "test.csv")
        for file, rows in zip(files, (train, test), strict=True):
            rows.write_csv(file)
        options = Options(str(files[0]), case.target, kind(case), test=str(files[1]), seed=seed)
        problem = Problem.of(options)
        score = _scorer(problem)
        chosen: dict[str, Settings] = {DEFAULT: problem.space.defaults}
        for sampler in SAMPLERS:
            study = Study(Path(folder, sampler + JOURNAL), problem.space, seed, sampler)
            while len(study.trials) < trials:
                for settings in study.proposals():
                    study.add(settings, score(settings))
            chosen[sampler] = min(study.values, key=lambda value: value[1])[0]
        return {name: problem.test_score(problem.trained(settings)) for name, settings in chosen.items()}


def _scorer(problem: Problem) -> Callable[[Settings], float]:
    """The score of a trial; settings that both samplers propose are trained once."""
    known: dict[tuple[tuple[str, float], ...], float] = {}

    def score(settings: Settings) -> float:
        key = tuple(sorted(settings.items()))
        if key not in known:
            known[key] = problem.score(settings)
        return known[key]

    return score


def scores_of(
    store: Store, case: Case, frame: pl.DataFrame, splits: int, trials: int
) -> list[dict[str, float]]:
    """The scores of each split, from the file of results or computed and stored there."""
    scores = []
    for seed in range(splits):
        results, method = store.results(), f"{trials} trials"
        if (case.name, method, seed) not in results:
            result = {"table": case.name, "method": method, "seed": seed}
            store.append(result | {"scores": run(case, frame, seed, trials)})
            results = store.results()
        scores.append(results[case.name, method, seed]["scores"])
    return scores


def line(case: Case, scores: Sequence[dict[str, float]]) -> tuple[str, float]:
    """The row of a table, and the difference of the samplers in standard errors."""
    averages = {name: np.mean([score[name] for score in scores]) for name in scores[0]}
    differences = np.array([score["tpe"] - score["random"] for score in scores])
    mean = float(differences.mean())
    error = differences.std(ddof=1) / np.sqrt(len(scores))
    cells = " | ".join(f"{averages[name]:.4g}" for name in (DEFAULT, "random", "tpe"))
    text = f"| {case.name} | {METRIC[kind(case)]} | {cells} | {mean:+.2g} ± {error:.2g} |"
    return text, mean / max(float(error), np.finfo(float).tiny)


def main(words: Sequence[str] | None = None) -> int:
    """Search on every table and print the scores; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the packages with the tables")
    parser.add_argument("--results", type=Path, help="JSON lines; by default in the folder of --data")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    unpack(options.data)
    store = Store(options.results or options.data / "tuning.jsonl")
    lines = ["| table | score | default | random | tpe | tpe - random |", "|---|---|---|---|---|---|"]
    z: list[float] = []
    for case in DEVELOPMENT:
        frame = case.frame(options.data)
        if frame.height > MAX_ROWS or len(z) == TABLES:
            continue
        scores = scores_of(store, case, frame, options.splits, options.trials)
        text, difference = line(case, scores)
        z.append(difference)
        lines.append(text)
        print(text, flush=True)
    summary = (
        f"{sum(value <= 0 for value in z)} of {len(z)} tables: tpe is as good as random search or better; "
        f"{sum(value > 1 for value in z)} of {len(z)}: worse by more than a standard error of the difference "
        f"({options.trials} trials, {options.splits} splits)."
    )
    print(summary)
    if options.write:
        start, end = "<!-- samplers -->", "<!-- end of samplers -->"
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(start)
        text = "\n".join([start, *lines, "", summary, end])
        PAGE.write_text(f"{before}{text}{rest.partition(end)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
