"""The entry point of attacks: encode samples, run the attacks, check what they found.

What an attack returns is never trusted: its points are moved into the ball where rounding left it
(``Ball.enforce``), and the model itself predicts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.prng import fold, key_of
from chainrule.records import frozen
from chainrule.robustness.attack_objective import Problem
from chainrule.robustness.attack_result import AttackResult, Trial
from chainrule.robustness.attack_samples import (
    Samples,
    ball_of,
    goal_of,
    predicted,
    problem_of,
    read_samples,
    token_distance,
)
from chainrule.robustness.attacks import ATTACKS, ENSEMBLE, Attack
from chainrule.robustness.ball import Stream
from chainrule.robustness.gradient_masking import masking_checks
from chainrule.robustness.table_attacks import attack_table, refuse_columns
from chainrule.validation import choice, language, random_seed, refuse_unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

OPTIONS = tuple("norm method bounds seed check lang columns change target_class threshold".split())
CHECKS = 1000  # the number of the stream of the checks, after those of all attacks


def attack(model: ModelState, x: Any, y: Any = None, *, radius: Any = None, **options: Any) -> AttackResult:
    """Search changed samples that the model misclassifies; see ``Model.attack``."""
    request = _Request.of(options)
    attacks = known_attacks(
        options.get("method", "pgd"), {n: v for n, v in options.items() if n not in OPTIONS}
    )
    samples = read_samples(model, x, y, "attack", options.get("threshold"))
    goal = goal_of(samples, options.get("target_class"))
    if samples.table is not None and samples.pixels is None:
        result = attack_table(samples, radius, options, goal, request.seed, request.lang)
    else:
        refuse_columns(options)
        samples = samples.take(goal.rows)
        ball = ball_of(samples, options.get("norm", "inf"), radius, options.get("bounds"))
        result = _attacked(samples, problem_of(samples, ball, goal.index), attacks, request)
    if goal.index is None:
        return result
    return replace(result, goal=goal.index, numbers=tuple((goal.rows + 1).tolist()))


@frozen
class _Request:
    """The options that do not depend on the samples."""

    method: str
    seed: int
    lang: str
    is_checked: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Request:
        method, seed, checked = options.get("method", "pgd"), options.get("seed", 0), options.get("check")
        seed, lang = random_seed(seed, "attack"), language(options.get("lang"), "attack")
        name = method.name if isinstance(method, Attack) else method if isinstance(method, str) else ENSEMBLE
        return cls(name, seed, lang, name == ENSEMBLE if checked is None else bool(checked))


def known_attacks(method: Any, options: dict[str, Any]) -> list[Attack]:
    """Return the attacks of a method.

    Args:
        method: the name of an attack, ``"ensemble"``, an attack, or a list of attacks.
        options: the settings of an attack that is passed by name.

    Raises:
        UsageError E101: no such attack or option. E102: an option out of its range.
    """
    records = [method] if isinstance(method, Attack) else method
    if isinstance(records, list | tuple) and records and all(isinstance(one, Attack) for one in records):
        refuse_unknown("attack", options, OPTIONS, ("x", "y", "radius"))
        return list(records)
    method = choice(method, [*ATTACKS, ENSEMBLE], "method", "attack", example=ENSEMBLE)
    classes = list(ATTACKS.values()) if method == ENSEMBLE else [ATTACKS[method]]
    own = {f.name for cls in classes for f in fields(cls)}
    refuse_unknown(f"attack, {method}", options, (*sorted(own), *OPTIONS), ("x", "y", "radius"))
    return [cls(**{f.name: options[f.name] for f in fields(cls) if f.name in options}) for cls in classes]


def _search(attack: Attack, problem: Problem, rows: np.ndarray, stream: Stream) -> np.ndarray:
    """Return the samples after the attack on some of them."""
    points = problem.x.copy()
    if rows.size:
        changed = attack.search(problem, rows, stream).points
        points[rows] = problem.ball.enforce(problem.x[rows], changed)
    return points


def _attacked(
    samples: Samples, problem: Problem, attacks: Sequence[Attack], request: _Request
) -> AttackResult:
    """Run all attacks on the samples that the model classifies correctly.

    Of several attacks that break a sample, the point of the first one is kept.
    """
    x, labels = problem.x, samples.labels
    clean = samples.decided(predicted(samples, problem, x))
    correct = np.flatnonzero(clean == labels)
    best, broken_by, trials, by_name = x.copy(), np.full(len(x), "", object), [], {}
    for number, one in enumerate(attacks):
        before = problem.evaluations
        rows = correct[broken_by[correct] == ""] if one.only_unbroken else correct
        points = _search(one, problem, rows, Stream(fold(key_of(request.seed), number)))
        after = samples.decided(predicted(samples, problem, points))
        broken = rows[problem.is_success(after[rows], rows)]
        by_name[one.name] = broken
        trials.append(Trial(one.name, len(rows), len(broken), problem.evaluations - before))
        new = (broken_by == "") & np.isin(np.arange(len(x)), broken if number else correct)
        best[new] = points[new]
        broken_by[broken[broken_by[broken] == ""]] = one.name
    probabilities = predicted(samples, problem, best)
    attacked = samples.decided(probabilities)
    stream = Stream(fold(key_of(request.seed), CHECKS))
    return AttackResult(
        request.method,
        problem.ball.norm,
        problem.ball.radius,
        x,
        best,
        labels,
        clean,
        attacked,
        probabilities[np.arange(len(x)), attacked],
        samples.names,
        tuple(broken_by.tolist()),
        tuple(trials),
        masking_checks(problem, correct, by_name, stream) if request.is_checked else (),
        _columns(samples),
        samples.graph.is_embedded,
        scale=problem.ball.scale,
        seed=request.seed,
        lang=request.lang,
        token_distance=token_distance(samples.model, samples.graph, problem.ball.norm),
        threshold=samples.threshold,
    )


def _columns(samples: Samples) -> tuple[str, ...]:
    """Return the names of the elements of a vector: x1, x2, ..."""
    if samples.x.ndim != 2 or samples.graph.is_embedded:
        return ()
    return tuple(f"x{i + 1}" for i in range(samples.x.shape[1]))
