"""The base class of attacks, and the registry of all of them.

The properties in ``tests/properties/test_attacks.py`` run over the registry, so a new attack is tested with
no new test code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from chainrule.extension import Extensible
from chainrule.lazy_imports import LazyRegistry
from chainrule.messages import Text
from chainrule.records import frozen
from chainrule.robustness.problem import Problem, Search
from chainrule.robustness.stream import Stream


@frozen
class Attack(Extensible):
    """Base of all attacks: a search for misclassified points in the balls of samples.

    The fields of a subclass are its options.
    """

    name: ClassVar[str] = ""
    title: ClassVar[Text] = ""
    reference: ClassVar[str] = ""
    uses_gradients: ClassVar[bool] = True
    only_unbroken: ClassVar[bool] = False  # in an ensemble: only samples that those before did not break

    def search(self, problem: Problem, rows: np.ndarray, stream: Stream) -> Search:
        """Search the balls of some samples.

        Args:
            problem: evaluates points.
            rows: (m,) the samples.

        Returns:
            the best point of each sample; the caller checks all of them.
        """
        raise TypeError(f"{type(self).__name__} does not define search")


ATTACKS: Mapping[str, type[Attack]] = LazyRegistry(
    "chainrule.robustness",
    {
        "fgsm": "methods.fgsm.FGSM",
        "pgd": "methods.pgd.PGD",
        "apgd": "methods.apgd.APGD",
        "apgd_dlr": "methods.apgd.APGDWithRatio",
        "apgd_targeted": "methods.apgd.TargetedAPGD",
        "square": "methods.square.Square",
    },
)
COLUMNS = "columns"  # the search over the cells of a table
ENSEMBLE = "ensemble"  # all attacks; those with ``only_unbroken`` on the samples that are left
