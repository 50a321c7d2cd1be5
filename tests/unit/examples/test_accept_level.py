"""The level of acceptance is the lowest that few strangers reach."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule_examples.faces.verification import accept_level


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=40), st.floats(0, 0.5))
def test_few_strangers_reach_the_level_and_a_lower_one_would_admit_more(
    scores: list[float], share: float
) -> None:
    values = np.array(scores)
    level = accept_level(values, share)
    allowed = int(share * len(values))
    assert (values >= level).sum() <= allowed
    assert (values >= np.nextafter(level, 0)).sum() > allowed or len(values) == allowed
