"""Thresholds of the data checks, shared by all modules that evaluate them.

Reference: thresholds after deepchecks (duplicates 5 %), TensorFlow Data Validation's and UMLAUT's input
rules, and class imbalance 10 : 1 as in Amazon SageMaker Debugger.
"""

from __future__ import annotations

ROWS = 10_000  # maximum number of rows that are checked
SCALE_RATIO = 100.0  # largest standard deviation over smallest
OFFSET_RATIO = 3.0  # |mean| over standard deviation
TARGET_STD = 10.0
IMBALANCE = 10.0
DUPLICATES = 0.05
MOSTLY_MISSING = 0.5
