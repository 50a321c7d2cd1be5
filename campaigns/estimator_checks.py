"""Run every check of scikit-learn on the estimators.

``SCIPY_ARRAY_API=1 python -m campaigns.estimator_checks classifier`` (or ``regressor``) uses default
arguments and takes minutes. With ``--epochs 5`` training is short, and four times as long in checks that
depend on its length (``LONG``): the test suite does so. Prints the outcomes as JSON; the exit status is 1 if
a check fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

from sklearn.utils.estimator_checks import estimator_checks_generator

import chainrule as cr

ESTIMATORS = {"classifier": cr.TabularClassifier, "regressor": cr.TabularRegressor}
LONG = (
    "check_classifiers_train",
    "check_classifiers_classes",
    "check_regressors_train",
    "check_sample_weight_equivalence",
)
"""Beginnings of the names of checks that compare predictions with targets or weights."""

DEFAULT = "check_parameters_default_constructible"  # compares arguments with their defaults


def outcome(check: Callable[[], object]) -> tuple[str, str]:
    """Whether a check passed, failed or was skipped, and the error.

    Example:
        >>> outcome(lambda: int("a"))[0]
        'failed'
    """
    try:
        check()
    except SkipTest as reason:
        return "skipped", str(reason)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    return "passed", ""


def outcomes(kind: str, epochs: int | None) -> list[tuple[str, str, str]]:
    """The name of each check, its status and its error.

    Args:
        kind: of the estimator.
        epochs: of trainings in checks that do not depend on it, a quarter of those in checks that do;
            ``None``: as many as by default.
    """
    generated: Any = estimator_checks_generator(ESTIMATORS[kind]())
    results = []
    for _, check in generated:
        name = getattr(check, "func", check).__name__
        own = epochs and epochs * (4 if name.startswith(LONG) else 1)
        estimator = ESTIMATORS[kind](epochs=None if name.startswith(DEFAULT) else own)
        results.append((name, *outcome(partial(check, estimator))))
    return results


def main(words: Sequence[str] | None = None) -> int:
    """Print the outcomes; return whether a check failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=ESTIMATORS)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args(words)
    warnings.simplefilter("ignore")
    with cr.settings.using(threads=1):
        results = outcomes(options.kind, options.epochs)
    print(json.dumps(results))
    return int(any(status == "failed" for _, status, _ in results))


if __name__ == "__main__":
    sys.exit(main())
