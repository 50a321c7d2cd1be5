"""Estimators with the interface of scikit-learn.

Input: arrays, sparse matrices or data frames with their targets, and sample weights. Output: estimators that
pass scikit-learn's ``check_estimator``, work in its pipelines and searches, and have the trained
``chainrule.Model`` as ``model_``. This package trains by ``Model.fit`` and has no training code of its own.

classifier.py, regressor.py   ``TabularClassifier``, ``TabularRegressor``
base_estimator.py             what both share: arguments, ``fit``, ``partial_fit``
inputs.py                     from the X of scikit-learn to the arrays of a network
default_network.py            the network, its folds and its training
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(__name__, {"classifier": "TabularClassifier", "regressor": "TabularRegressor"})
__getattr__, __dir__ = _LAZY.hooks
