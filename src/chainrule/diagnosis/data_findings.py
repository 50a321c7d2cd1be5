"""Which rule a finding of the data room belongs to: one vocabulary for both.

The data room knows nothing of rules. What it finds in a table (``chainrule check DATA``) and what a rule
finds in arrays are said in the same sentences, kept there; here stands which rule says them.
"""

from __future__ import annotations

RULE_OF: dict[str, str] = {
    "scale_gap": "input-scale",
    "far_from_zero": "input-scale",
    "target_scale": "target-scale",
    "label_gap": "label-numbers",
    "labels_from_one": "label-numbers",
    "imbalance": "class-imbalance",
    "copy_of_target": "data-leakage",
    "leak": "data-leakage",
    "duplicates": "duplicate-rows",
}
