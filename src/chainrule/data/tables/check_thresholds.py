"""From which number on something about data is worth saying: one place for all who look.

Reference: thresholds after deepchecks (duplicates 5 %), TensorFlow Data Validation's and UMLAUT's input
rules, and class imbalance 10 : 1 as in Amazon SageMaker Debugger.
"""

from __future__ import annotations

ROWS = 10_000  # looked at, at most
SCALE_RATIO = 100.0  # largest spread over smallest
OFFSET_RATIO = 3.0  # mean over spread
TARGET_STD = 10.0
IMBALANCE = 10.0
DUPLICATES = 0.05
MOSTLY_MISSING = 0.5
