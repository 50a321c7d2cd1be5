"""Replacing a part of a network: the other parts are unchanged, under the same paths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError
from chainrule.symbolic_shape import Size, Spec, bound
from chainrule.train.network import Network, Recipe
from chainrule.train.step_graph import training_step

INPUTS = {"x": Spec((Size.symbol("B"), 4), "float32")}
NET = cr.Sequential(
    cr.Dense(3, "relu"),
    cr.Residual(cr.Sequential(cr.Dense(3, "relu"), cr.Dense(3))),
    sides=cr.Parallel(left=cr.Dense(2), right=cr.Dense(2)),
    head=cr.Dense(5),
)


def paths(net: nn.Layer) -> set[str]:
    return set(nn.build(net, INPUTS, "float32").parameters)


@pytest.mark.parametrize("path", ["head", "dense1", "residual1.inner.dense2", "sides.left", "sides.right"])
def test_replace_changes_only_the_given_part(path: str) -> None:
    new = cr.replace(NET, path, cr.Dense(3, bias=False))
    assert paths(new) - paths(NET) == set()
    assert {lost for lost in paths(NET) if lost not in paths(new)} == {f"{_path(path)}.bias"}
    assert cr.replace(new, path, _part(path)) == NET


def _path(path: str) -> str:
    """The path of a part as in the names of parameters."""
    return next(
        p for p in paths(NET) if p.endswith(f"{path.split('.')[-1]}.bias") and _under(p, path)
    ).rpartition(".")[0]


def _under(parameter: str, path: str) -> bool:
    return parameter.startswith(path.split(".")[0])


def _part(path: str) -> nn.Layer:
    parts = {"head": cr.Dense(5), "dense1": cr.Dense(3, "relu"), "residual1.inner.dense2": cr.Dense(3)}
    return parts.get(path, cr.Dense(2))


def test_a_part_of_another_kind_keeps_the_other_names() -> None:
    net = cr.Sequential(cr.Dense(4), cr.Dense(3), cr.Dense(2))
    new = cr.replace(net, "dense1", cr.Identity())
    assert paths(new) == {path for path in paths(net) if not path.startswith("dense1")}


def test_a_part_of_the_same_kind_leaves_a_sequential() -> None:
    assert cr.replace(cr.Sequential(cr.Dense(4), cr.Dense(3)), "dense2", cr.Dense(2)) == cr.Sequential(
        cr.Dense(4), cr.Dense(2)
    )


@pytest.mark.parametrize("path", ["haed", "residual1.other", "dense1.weight", ""])
def test_an_unknown_path_is_refused(path: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.replace(NET, path, cr.Dense(2))
    assert caught.value.code == "E101"


def test_a_replacement_that_is_no_layer_is_refused() -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.replace(NET, "head", 5)  # pyright: ignore[reportArgumentType]
    assert caught.value.code == "E104"


def small_gpt() -> nn.Layer:
    return cr.models.gpt2(vocabulary_size=11, length=8, width=8, depth=2, heads=2)


DEEP = {
    "resnet18": (lambda: cr.models.resnet18(classes=3, small=True), (9, 9, 3), "float32"),
    "resnet50": (lambda: cr.models.resnet50(classes=3), (32, 32, 3), "float32"),
    "mobilenet": (lambda: cr.models.mobilenet_v3_small(classes=3), (33, 33, 3), "float32"),
    "gpt2": (small_gpt, (8,), "int64"),
}


@pytest.mark.parametrize("name", DEEP)
def test_recomputed_networks_keep_their_names_and_are_saved(name: str) -> None:
    make, shape, kind = DEEP[name]
    spec = {"x": Spec((Size.symbol("B"), *shape), kind)}
    net, twice = make(), cr.recompute(make())
    built, again = (nn.build(network, spec, "float32", True) for network in (net, twice))
    assert {p: v.spec for p, v in again.parameters.items()} == {
        p: v.spec for p, v in built.parameters.items()
    }
    assert list(again.states) == list(built.states)
    assert cr.recompute(twice) == twice != net
    assert nn.net_from_record(nn.net_to_record(twice)) == twice


@pytest.mark.long
def test_recomputed_blocks_take_less_memory() -> None:
    bytes_between = []
    for net in (cr.models.resnet20(), cr.recompute(cr.models.resnet20())):
        specs = {"x": Spec((Size.symbol("B"), 16, 16, 3), "float32")}
        step = training_step(Network(Recipe(net, "cross_entropy", cr.SGD(0.1)), specs), False, 10)
        need = step.program.memory_requirement({"x", "target"}, 32)
        bytes_between.append(need.uses["work"])
    assert bytes_between[1] < 0.7 * bytes_between[0]  # python campaigns/remat.py measures deeper networks


def test_recomputed_networks_generate_the_same_texts() -> None:
    specs, draws = {"x": Spec((Size.symbol("B"), 8), "int64")}, np.random.default_rng(0)
    parameters = nn.build(small_gpt(), specs, "float32").parameters
    values = {p: draws.normal(size=bound(v.spec.shape)).astype("float32") for p, v in parameters.items()}
    texts = []
    for net in (small_gpt(), cr.recompute(small_gpt())):
        decoder = cr.Decoder(net, values, specs, length=8, engine="reference")
        texts.append(cr.generate(decoder, [1, 2], max_new_tokens=5, greedy=True)[0].tokens.tolist())
    assert texts[0] == texts[1]


def test_parts_are_selected_by_path_or_pattern() -> None:
    stages = cr.recompute(cr.models.resnet20(), "stage[23]")
    assert [isinstance(part, nn.Remat) for part in stages.layers] == [
        name in ("stage2", "stage3") for name in stages.names
    ]
    (one,) = (
        part for name, part in cr.recompute(cr.models.resnet20(), "stage1.block2").named() if name == "stage1"
    )
    assert isinstance(one, nn.Sequential)
    assert [isinstance(part, nn.Remat) for part in one.layers] == [False, True, False]
    sides = cr.recompute(cr.Sequential(cr.Residual(cr.Dense(3), shortcut=cr.Dense(3))), "residual1.shortcut")
    assert str(sides.layers[0]) == "Residual(Dense(3), shortcut=Remat(Dense(3)))"


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("E101", lambda: cr.recompute(NET, "haed")),
        ("E104", lambda: cr.recompute("net")),  # pyright: ignore[reportArgumentType, reportCallIssue]
        ("E127", lambda: cr.recompute(cr.Sequential(cr.Dense(3), cr.Dense(2)))),
    ],
)
def test_invalid_recomputations_are_refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(ChainruleError) as caught:
        call()
    assert caught.value.code == code


def test_a_part_within_a_skip_or_a_recomputed_part_is_found_by_its_path() -> None:
    net = cr.recompute(cr.models.unet(channels=2, depth=1, padding="same"), "level2")
    spec = {"x": Spec((Size.symbol("B"), 8, 8, 1), "float32")}
    new = cr.replace(net, "level2.conv1", cr.Conv(4, 1, padding="same"))
    shapes = {path: p.spec.shape for path, p in nn.build(new, spec, "float32").parameters.items()}
    assert shapes["level2.conv1.weight"] == (4, 1, 1, 2)
    assert list(shapes) == list(nn.build(net, spec, "float32").parameters)
