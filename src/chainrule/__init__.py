"""chainrule (链式法则): neural networks that train, explain and ship, with nothing hidden and nothing slow.

Every public name is listed here with the room it lives in, and is loaded when it is first used, so that ``import
chainrule`` costs no more than NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule.settings import settings

if TYPE_CHECKING:
    from chainrule.explain.model import Model

__version__ = "0.1.0"

_OPS = (
    "abs add argmax broadcast_to cast clip concatenate cos divide equal erf exp floor gather greater greater_equal "
    "is_finite less less_equal log log_softmax logical_and logical_not logical_or logsumexp matmul max maximum mean min "
    "minimum multiply negative normal not_equal one_hot pad power prod relu reshape scatter_add sigmoid sign sin softmax "
    "softplus sqrt square stack stop_gradient subtract sum tanh transpose uniform variance where"
).split()

_PLACES: dict[str, str] = {
    "Model": "chainrule.explain.model",
    "load": "chainrule.explain.model",
    "explain": "chainrule.explain",
    "compile": "chainrule.engines",
    "check_gradient": "chainrule.engines",
    "evaluate": "chainrule.engines",
    "grad": "chainrule.grad",
    "formula": "chainrule.explain",
    "Graph": "chainrule.graph",
    "Node": "chainrule.graph",
    "constant": "chainrule.graph",
    "input": "chainrule.graph",
    "EarlyStopping": "chainrule.train.stopping",
    "Converged": "chainrule.train.stopping",
    "read_table": "chainrule.data",
    "check": "chainrule.data",
    "events": "chainrule.events",
    "errors": "chainrule.errors",
}
_ELSEWHERE = {"input": "input_node"}  # public name -> its name at home, where a builtin would be hidden


def _nn_names() -> dict[str, str]:
    return dict.fromkeys(import_module("chainrule.nn").__all__, "chainrule.nn")


def __getattr__(name: str) -> Any:
    if name in _OPS:
        return import_module("chainrule.ops").PUBLIC[name]
    place = _PLACES.get(name)
    if place is None and name[:2] != "__":
        place = _nn_names().get(name)
    if place is None:
        raise AttributeError(f"chainrule has no name {name!r}")
    module = import_module(place)
    return getattr(module, _ELSEWHERE.get(name, name), module)


def __dir__() -> list[str]:
    return sorted({*_OPS, *_PLACES, *_nn_names(), "settings", "__version__"})


__all__ = ["Model", "settings"]
