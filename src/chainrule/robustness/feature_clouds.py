"""The distance of a row from the training rows in features of the network (``features_of``).

The rows of a class form a cloud: of the R directions in which the clouds are widest the variances are
estimated, of all others one common variance:

    score = min_k  sum_r (v_r . (f - m_k))^2 / l_r  +  |rest of f - m_k|^2 / s

with m_k the mean of the rows of class k; a model of values, boxes or masks has one cloud.

Reference: Lee, Lee, Lee and Shin (2018), A simple unified framework for detecting out-of-distribution samples
and adversarial attacks, NeurIPS, for the distance; Tipping and Bishop (1999), Mixtures of probabilistic
principal component analyzers, Neural Computation 11, for the common variance.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from chainrule.records import frozen
from chainrule.robustness.novelty_scores import features_of_rows
from chainrule.robustness.packed_arrays import packed, unpacked
from chainrule.train.model_state import ModelState

ARRAYS = ("means", "directions", "variances")
DIRECTIONS, MAX_FEATURES = 32, 4096
FLOOR = 1e-6  # of a variance, relative to the mean one
BLOCK, BLOCK_NUMBERS = 512, 1 << 22  # rows whose features are computed at once, and numbers in them


@frozen(eq=False)
class FeatureClouds:
    """The clouds of the training rows.

    Args:
        means: (K, F) of the features of each class.
        directions: (R, F) orthonormal, in which the features of a class vary most.
        variances: (R + 1,) along the directions, and of every other one.
    """

    means: np.ndarray
    directions: np.ndarray
    variances: np.ndarray

    @classmethod
    def fitted(cls, features: np.ndarray, classes: np.ndarray) -> Self:
        """Return the clouds of training rows.

        Args:
            features: (N, F) as ``represented`` returns them.
            classes: (N,) the number of the class of each.
        """
        present, index = np.unique(classes, return_inverse=True)
        means = np.stack([features[index == k].mean(axis=0) for k in range(len(present))])
        off = features - means[index]
        freedom = max(1, len(features) - len(present))
        total = (off**2).sum() / freedom
        values, vectors = np.linalg.eigh(off.T @ off / freedom)
        count = min(DIRECTIONS, max(1, len(features) // 4), features.shape[1])
        widest = np.argsort(-values, kind="stable")[:count]
        floor = FLOOR * (total / features.shape[1] or 1.0)
        others = (total - values[widest].sum()) / max(1, features.shape[1] - count)
        variances = np.maximum([*values[widest], others], floor)
        return cls(means.astype(np.float32), vectors[:, widest].T.astype(np.float32), variances)

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Return the clouds of a record; ``None`` where it is damaged."""
        means, directions, variances = (unpacked(record.get(name)) for name in ARRAYS)
        if means is None or directions is None or variances is None:
            return None
        fits = means.ndim == directions.ndim == 2 and means.shape[1] == directions.shape[1]
        is_whole = fits and variances.shape == (len(directions) + 1,) and (variances > 0).all()
        return cls(means, directions, variances) if is_whole else None

    def record(self) -> dict[str, Any]:
        """Return the clouds as plain data."""
        return {name: packed(getattr(self, name)) for name in ARRAYS}

    def represented(self, model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the features of encoded rows, (N, F)."""
        return features_in_blocks(model, inputs)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the score of each row of features, (N, F) -> (N,); those of another network are 0."""
        if features.shape[1] != self.means.shape[1]:
            return np.zeros(len(features))
        result = []
        for mean in self.means.astype(np.float64):
            off = features - mean
            along = off @ self.directions.T.astype(np.float64)  # (N, R)
            rest = np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 0)
            result.append((along**2 / self.variances[:-1]).sum(axis=1) + rest / self.variances[-1])
        return np.min(result, axis=0)


def features_in_blocks(model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the features of encoded rows, (N, F), computed in blocks of rows."""
    count = len(next(iter(inputs.values())))
    numbers = sum(a.size for a in inputs.values()) // max(1, count)
    size = max(1, min(BLOCK, BLOCK_NUMBERS // max(1, numbers)))
    blocks = ({name: a[i : i + size] for name, a in inputs.items()} for i in range(0, count, size))
    parts = [features_of_rows(model, block) for block in blocks]
    flat = np.concatenate(parts) if parts else np.zeros((0, 1))
    return flat if flat.shape[1] <= MAX_FEATURES else flat[:, :: -(-flat.shape[1] // MAX_FEATURES)]
