"""A training step of the table default and of networks of examples is that of the reference.

``python -m campaigns.xla`` compares the steps of all examples; each compiles for seconds.
"""

from __future__ import annotations

import pytest

pytest.importorskip("jax")

from chainrule.apps.cli.commands.example import EXAMPLES
from example_steps import CASES, difference

LIMIT = 1e-12


def test_every_example_has_a_case() -> None:
    assert set(CASES) == set(EXAMPLES)


@pytest.mark.long
@pytest.mark.parametrize("example", ["article", "risk", "shares", "recommend"])
def test_a_step_of_an_example_is_that_of_the_reference(example: str) -> None:
    assert difference(CASES[example]()) <= LIMIT
