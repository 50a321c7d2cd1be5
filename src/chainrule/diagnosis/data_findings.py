"""The rule of each finding of the package ``data``.

``data`` does not depend on the rules. Findings in a table (``chainrule check DATA``) and findings of rules in
arrays share their sentences, which are defined in ``data``; this table assigns them to rules.
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
