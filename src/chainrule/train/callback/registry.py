"""The callbacks by name."""

from __future__ import annotations

from chainrule import block_index
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.train.callback.callback import Callback

CALLBACKS: LazyRegistry[type[Callback]] = LazyRegistry("chainrule", paths(block_index.CALLBACKS))
