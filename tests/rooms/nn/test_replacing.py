"""A part of a net replaced: the rest is the same records under the same paths."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError
from chainrule.spec import Size, Spec

INPUTS = {"x": Spec((Size.symbol("B"), 4), "float32")}
NET = cr.Sequential(
    cr.Dense(3, "relu"),
    cr.Residual(cr.Sequential(cr.Dense(3, "relu"), cr.Dense(3))),
    sides=cr.Parallel(left=cr.Dense(2), right=cr.Dense(2)),
    head=cr.Dense(5),
)


def paths(net: nn.Layer) -> set[str]:
    return set(nn.build(net, INPUTS, "float32").parameters)


@pytest.mark.parametrize(
    "path", ["head", "dense1", "residual1.inner.dense2", "sides.left", "sides.right"]
)  # fmt: skip
def test_only_the_part_is_another(path: str) -> None:
    new = cr.replace(NET, path, cr.Dense(3, bias=False))
    assert paths(new) - paths(NET) == set()
    assert {lost for lost in paths(NET) if lost not in paths(new)} == {f"{_path(path)}.bias"}
    assert cr.replace(new, path, _part(path)) == NET


def _path(path: str) -> str:
    """The path of a part as parameters have it."""
    return next(
        p for p in paths(NET) if p.endswith(f"{path.split('.')[-1]}.bias") and _under(p, path)
    ).rpartition(".")[0]


def _under(parameter: str, path: str) -> bool:
    return parameter.startswith(path.split(".")[0])


def _part(path: str) -> nn.Layer:
    parts = {"head": cr.Dense(5), "dense1": cr.Dense(3, "relu"), "residual1.inner.dense2": cr.Dense(3)}
    return parts.get(path, cr.Dense(2))


def test_a_part_of_another_kind_leaves_the_other_names() -> None:
    net = cr.Sequential(cr.Dense(4), cr.Dense(3), cr.Dense(2))
    new = cr.replace(net, "dense1", cr.Identity())
    assert paths(new) == {path for path in paths(net) if not path.startswith("dense1")}


def test_a_part_of_the_same_kind_leaves_a_plain_net() -> None:
    assert cr.replace(cr.Sequential(cr.Dense(4), cr.Dense(3)), "dense2", cr.Dense(2)) == cr.Sequential(
        cr.Dense(4), cr.Dense(2)
    )


@pytest.mark.parametrize("path", ["haed", "residual1.other", "dense1.weight", ""])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.replace(NET, path, cr.Dense(2))
    assert caught.value.code == "E101"


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.replace(NET, "head", 5)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == "E104"
