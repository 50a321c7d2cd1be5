"""All rules of the doctor by the time at which they run; the file of a rule is imported on first use.

A training without the doctor imports none of these files; a training that starts imports those of ``BEFORE``.
"""

from __future__ import annotations

from collections.abc import Mapping

from chainrule import block_index
from chainrule.diagnosis.rule import Rule
from chainrule.lazy_imports import LazyRegistry

BEFORE = tuple(block_index.RULES_BEFORE)  # checks of data, network, loss and optimizer before training
FIRST = tuple(block_index.RULES_FIRST)  # checks of the first steps, on a copy of the model
HISTORY = tuple(block_index.RULES_DURING)  # checks of the recorded history, during and after a training
RULES: Mapping[str, Rule] = LazyRegistry(
    "chainrule", {**block_index.RULES_BEFORE, **block_index.RULES_FIRST, **block_index.RULES_DURING}
)
