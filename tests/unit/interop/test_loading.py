"""Loading weights into custom networks: by order and shape, in parts, cast, skipped, refused atomically."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn as tnn

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError
from chainrule.events import Channel, notices
from chainrule.graph import Node
from chainrule.interop.lazy_tensor import KINDS
from chainrule.messages import rendered
from chainrule.nn.scope import Scope
from chainrule.settings import settings
from weight_files import FORMS, randomized, saved

RNG = np.random.default_rng(2)
IMAGES = RNG.normal(size=(3, 6, 6, 2)).astype(np.float32)
TEXTS = RNG.normal(size=(3, 5, 4)).astype(np.float32)


def model(net: nn.Layer) -> cr.Model:
    return cr.Model(net, "mse", cr.SGD(0.1))


def convolutional() -> tuple[cr.Sequential, tnn.Module]:
    """A network and its PyTorch equivalent: the flattened image has channels last here, first in PyTorch."""
    ours = cr.Sequential(
        cr.Conv(4, 3, padding=1),
        cr.BatchNorm(),
        cr.Activation("relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Activation("gelu"),
        cr.Dense(5, "relu"),
        cr.Dense(2),
    )
    theirs = tnn.Sequential(
        tnn.Conv2d(2, 4, 3, padding=1),
        tnn.BatchNorm2d(4),
        tnn.ReLU(),
        tnn.MaxPool2d(2),
        tnn.Flatten(),
        tnn.GELU(),
        tnn.Linear(36, 5),
        tnn.ReLU(),
        tnn.Linear(5, 2),
    )
    return ours, randomized(theirs)


def convolved_sequence() -> tuple[cr.Sequential, tnn.Module]:
    ours = cr.Sequential(cr.Conv(3, 2), cr.Flatten(), cr.Dense(2))
    return ours, randomized(tnn.Sequential(tnn.Conv1d(4, 3, 2), tnn.Flatten(), tnn.Linear(12, 2)))


def turned(x: np.ndarray) -> torch.Tensor:
    """Channels first."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("make", "x"), [(convolutional, IMAGES), (convolved_sequence, TEXTS)])
def test_a_custom_network_is_matched_by_order(
    make: Callable[[], tuple[cr.Sequential, tnn.Module]], x: np.ndarray, form: str, tmp_path: Path
) -> None:
    ours, theirs = make()
    mine = model(ours)
    report = cr.load_weights(mine, saved(theirs.state_dict(), tmp_path, form), x)
    assert report.family == ""
    assert "by order and shape" in str(report)
    np.testing.assert_allclose(np.asarray(mine(x)), theirs(turned(x)).detach().numpy(), atol=1e-5)


class Reader(tnn.Module):
    """A recurrent layer that returns its last output."""

    def __init__(self, cell: type[tnn.RNNBase], **more: object) -> None:
        super().__init__()
        self.cell = cell(4, 3, batch_first=True, **more)  # pyright: ignore[reportArgumentType]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cell(x)[0]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("form", ["plain", "both", "stack", "stack of both"])
def test_recurrent_layers_are_loaded_with_gates_directions_and_levels(
    kind: str, form: str, tmp_path: Path
) -> None:
    ours, more = getattr(cr, kind)(3, returns="sequence"), {}
    if "both" in form:
        ours, more = cr.Bidirectional(ours), {"bidirectional": True}
    if "stack" in form:
        ours, more = cr.Stacked(ours, ours), {**more, "num_layers": 2}
    theirs = randomized(Reader(getattr(tnn, kind), **more))
    mine = model(cr.Sequential(reader=ours))
    cr.load_weights(mine, saved(theirs.state_dict(), tmp_path), TEXTS, names={"reader": "cell"})
    np.testing.assert_allclose(
        np.asarray(mine(TEXTS)), theirs(torch.from_numpy(TEXTS)).detach().numpy(), atol=1e-5
    )


def test_names_from_a_custom_table(tmp_path: Path) -> None:
    state = {
        "enc.1.w.weight": torch.ones(3, 4),
        "enc.1.w.bias": torch.zeros(3),
        "enc.2.w.weight": torch.ones(2, 3),
        "enc.2.w.bias": torch.full((2,), 7.0),
    }
    net = cr.Sequential(cr.Dense(3), cr.Dense(2))
    report = cr.load_weights(net, saved(state, tmp_path), TEXTS[:, 0], names={"dense{i}": "enc.{i}.w"})
    assert report.values["dense2.bias"].tolist() == [7.0, 7.0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_dtype_is_cast_to_that_of_the_model(kind: str, tmp_path: Path) -> None:
    if kind in ("uint16", "uint32"):
        pytest.skip("PyTorch's old storages have no such kind; safetensors does, below")
    weight = torch.tensor([[1.0, 0.0]]).to(getattr(torch, kind))
    mine = model(cr.Sequential(cr.Dense(1, bias=False)))
    for form in FORMS:
        report = cr.load_weights(mine, saved({"0.weight": weight}, tmp_path, form), np.zeros((1, 2)))
        assert mine.parameters()["dense1.weight"].dtype == np.float32
        assert mine.parameters()["dense1.weight"].tolist() == [[1.0, 0.0]]
        texts = [(str(text), rendered(text, "zh")) for text in report.rows[0].changes]
        assert texts == ([] if kind == "float32" else [(f"from {kind}", f"由 {kind} 转换")])


@pytest.mark.parametrize("kind", ["uint16", "uint32"])
def test_unsigned_numbers_of_safetensors_are_read(kind: str, tmp_path: Path) -> None:
    path = saved({"a": torch.tensor([3, 65535]).to(getattr(torch, kind))}, tmp_path, "safetensors")
    assert cr.read_weights(path)["a"].tolist() == [3, 65535]


def test_tied_expanded_and_empty_tensors_are_read(tmp_path: Path) -> None:
    table = torch.arange(12.0).reshape(3, 4)
    state = {
        "a": table,
        "b": table,
        "c": table.T[1:],
        "d": table[0, ::2],
        "e": torch.zeros(0, 3),
        "f": torch.tensor(2.0),
        "g": tnn.Parameter(table),
    }
    for form in ("zip", "legacy"):
        tensors = cr.read_weights(saved(state, tmp_path, form))
        for name, tensor in state.items():
            np.testing.assert_array_equal(tensors[name], tensor.detach().numpy())


def checkpoint(tmp_path: Path, form: str) -> Path:
    """A checkpoint of a training: weights, optimizer state, numbers."""
    net = tnn.Linear(2, 1)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    content = {"epoch": 3, "model": net.state_dict(), "optimizer": optimizer.state_dict(), "best": None}
    torch.save(content, tmp_path / "last.pt", _use_new_zipfile_serialization=form == "zip")
    return tmp_path / "last.pt"


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_weights_are_found_in_one_entry_of_a_checkpoint(form: str, tmp_path: Path) -> None:
    file = checkpoint(tmp_path, form)
    assert sorted(cr.read_weights(file)) == ["bias", "weight"]
    assert sorted(cr.read_weights(file, part="model")) == ["bias", "weight"]
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(file, part="modle")
    assert caught.value.code == "E454"
    assert caught.value.fix == 'part="model"'


def sharded(tmp_path: Path, **change: str) -> Path:
    """A model in two files with an index."""
    for i, name in enumerate(("weight", "bias"), 1):
        saved({f"0.{name}": torch.ones(1, 2)[: 3 - i, i - 1 :].squeeze()}, tmp_path, "safetensors").rename(
            tmp_path / f"part{i}.safetensors"
        )
    listed = {"0.weight": "part1.safetensors", "0.bias": "part2.safetensors", **change}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": ' + str(listed).replace("'", '"') + "}", encoding="utf-8")
    return index


def test_a_model_in_several_files_is_read_by_its_index(tmp_path: Path) -> None:
    assert list(cr.read_weights(sharded(tmp_path))) == ["0.weight", "0.bias"]


@pytest.mark.parametrize(
    "change",
    [
        {"0.more": "part3.safetensors"},
        {"0.more": "part1.safetensors"},
        {"0.more": "../part1.safetensors"},
        {"0.more": "/etc/passwd"},
        {"0.more": "model.safetensors.index.json"},
        {"0.more": ""},
    ],
)
def test_an_incomplete_model_in_several_files_is_refused(change: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(sharded(tmp_path, **change))
    assert caught.value.code == "E457"


WRONG = {
    "0.weight": torch.ones(3, 4),
    "0.bias": torch.ones(3),
    "2.weight": torch.ones(2, 7),
    "more.weight": torch.ones(1),
}
TABLE = {"dense1": "0", "dense2": "2"}


def test_a_mismatch_changes_nothing_and_is_reported_in_one_error(
    tmp_path: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(WRONG, tmp_path)
    monkeypatch.chdir(tmp_path)
    mine = model(cr.Sequential(cr.Dense(3), cr.Dense(2)))
    with pytest.raises(ChainruleError) as caught:
        cr.load_weights(mine, "weights.pt", TEXTS[:, 0], names=TABLE)
    assert caught.value.code == "E455"
    assert mine.network is None
    mine.fit(TEXTS[:, 0], TEXTS[:, 0, :2], epochs=1, verbose=False)
    before = mine.parameters()
    with pytest.raises(ChainruleError):
        cr.load_weights(mine, "weights.pt", names=TABLE)
    assert all((mine.parameters()[path] == value).all() for path, value in before.items())
    assert not mine.state.is_given
    golden("errors/weights.en.txt", caught.value.render("en") + "\n")
    golden("errors/weights.zh.txt", caught.value.render("zh") + "\n")


def test_mismatched_parameters_may_keep_their_initial_values(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    mine = model(cr.Sequential(cr.Dense(3), cr.Dense(2)))
    report = cr.load_weights(mine, saved(WRONG, tmp_path), TEXTS[:, 0], names=TABLE, strict=False)
    assert mine.parameters()["dense1.weight"].tolist() == np.ones((3, 4)).tolist()
    first = mine.parameters()["dense2.weight"]
    assert first.shape == (2, 3)
    assert first.std() > 0
    mine.fit(TEXTS[:, 0], TEXTS[:, 0, :2], epochs=1, batch_size=None, verbose=False)
    np.testing.assert_allclose(
        mine.parameters()["dense1.weight"], 1.0, atol=0.5
    )  # training continues from the loaded values
    for lang in ("en", "zh"):
        with settings.using(lang=lang):
            golden(f"errors/weights_report.{lang}.txt", f"{report}\n")


def test_a_new_head_is_skipped_and_the_old_one_ignored(tmp_path: Path) -> None:
    ours, theirs = convolutional()
    file = saved(theirs.state_dict(), tmp_path)
    mine = model(cr.replace(ours, "dense2", cr.Dense(7)))
    report = cr.load_weights(mine, file, IMAGES, skip="dense2")
    assert [row.path for row in report.of("skipped")] == ["dense2.weight", "dense2.bias"]
    assert report.is_complete
    assert np.asarray(mine(IMAGES)).shape == (3, 7)


def test_weights_of_a_chainrule_model_are_loaded_into_another(tmp_path: Path) -> None:
    ours, _ = convolutional()
    mine = model(ours)
    mine.fit(IMAGES, np.zeros((3, 2)), epochs=1, verbose=False)
    mine.save(tmp_path / "mine.safetensors")
    other = model(cr.replace(ours, "dense2", cr.Dense(7)))
    report = cr.load_weights(other, tmp_path / "mine.safetensors", IMAGES, skip="dense2")
    assert report.family == "chainrule"
    np.testing.assert_array_equal(other.parameters()["dense1.weight"], mine.parameters()["dense1.weight"])
    np.testing.assert_array_equal(
        other.states()["batch_norm1.running_mean"], mine.states()["batch_norm1.running_mean"]
    )


def test_ambiguous_modules_without_an_order_are_not_matched(tmp_path: Path) -> None:
    state = {
        f"{name}.{kind}": torch.ones(4, 4)[0 if kind == "bias" else ...]
        for name in "ab"
        for kind in ("weight", "bias")
    }
    net = cr.Sequential(cr.Dense(4), cr.Dense(4))
    for form in ("zip", "safetensors"):
        with pytest.raises(ChainruleError) as caught:
            cr.load_weights(net, saved(state, tmp_path, form), TEXTS[:, 0])
        assert caught.value.code == "E455"
        assert 'names="order"' in caught.value.fix
    assert cr.load_weights(net, saved(state, tmp_path), TEXTS[:, 0], names="order").is_complete


class Calls(tnn.Module):
    """Two layers of equal shape, defined in another order than they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.first = tnn.Linear(4, 4), tnn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


def test_equal_modules_are_never_exchanged_silently(tmp_path: Path) -> None:
    theirs, x = randomized(Calls()), TEXTS[:, 0]
    file, mine = saved(theirs.state_dict(), tmp_path), model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(4)))
    for strict in (True, False):
        with pytest.raises(ChainruleError, match="E455"):
            cr.load_weights(mine, file, x, strict=strict)
    cr.load_weights(mine, file, x, names={"dense1": "first", "dense2": "second"})
    np.testing.assert_allclose(np.asarray(mine(x)), theirs(torch.from_numpy(x)).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("strict", [True, False])
def test_a_file_of_which_nothing_fits_is_refused(strict: bool, tmp_path: Path) -> None:
    file = saved({"a": torch.ones(3), "b": torch.ones(2, 2)}, tmp_path)
    with pytest.raises(ChainruleError, match="E455"):
        cr.load_weights(model(cr.Sequential(cr.Dense(7))), file, TEXTS[:, 0], strict=strict)


def test_an_extra_tensor_leaves_the_others_loaded_and_missing_ones_cause_a_notice(tmp_path: Path) -> None:
    state = {"a.weight": torch.ones(3, 4), "a.bias": torch.ones(3), "extra": torch.ones(5)}
    file, received = saved(state, tmp_path), []
    report = cr.load_weights(model(cr.Sequential(cr.Dense(3))), file, TEXTS[:, 0], strict=False)
    assert (len(report.of("matched")), report.unexpected) == (2, ("extra",))
    names, larger = {"dense1": "a", "dense2": "b"}, model(cr.Sequential(cr.Dense(3), cr.Dense(2)))
    with notices.deliver_to(Channel([received.append])):
        cr.load_weights(larger, file, TEXTS[:, 0], names=names, strict=False)
    assert "2 of 4 arrays were not in the file" in str(received)


class Flattened(tnn.Module):
    """Flattened images beside other features, normalized, before a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.dense = tnn.Conv2d(2, 3, 3), tnn.BatchNorm1d(48), tnn.Linear(53, 4)

    def forward(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        flat = self.norm(torch.flatten(self.conv(x), 1))
        return self.dense(torch.cat([other, torch.relu(flat)], 1))


class OurFlattened(cr.Layer):
    """The same."""

    def __call__(self, x: dict[str, Node], scope: Scope) -> Node:
        flat = scope.run(cr.Flatten(), scope.run(cr.Conv(3, 3), x["x"]))
        flat = cr.relu(scope.run(cr.BatchNorm(), flat))
        return scope.run(cr.Dense(4), cr.concatenate([x["other"], flat], 1))


def test_features_of_a_flattened_image_are_reordered_behind_normalizations_and_joins(tmp_path: Path) -> None:
    theirs, other = randomized(Flattened()).eval(), RNG.normal(size=(3, 5)).astype("f4")
    mine, x = model(OurFlattened()), {"x": IMAGES, "other": other}
    names = {"conv": "conv", "batch_norm": "norm", "dense": "dense"}
    cr.load_weights(mine, saved(theirs.state_dict(), tmp_path), x, names=names)
    expected = theirs(turned(IMAGES), torch.from_numpy(other)).detach().numpy()
    np.testing.assert_allclose(np.asarray(mine(x)), expected, atol=1e-5)


def test_a_dense_layer_at_each_pixel_is_loaded(tmp_path: Path) -> None:
    conv, dense = randomized(tnn.Conv2d(2, 4, 3)), randomized(tnn.Linear(4, 5))
    state = {f"0.{k}": v for k, v in conv.state_dict().items()}
    state |= {f"1.{k}": v for k, v in dense.state_dict().items()}
    mine = model(cr.Sequential(cr.Conv(4, 3), cr.Dense(5)))
    cr.load_weights(mine, saved(state, tmp_path), IMAGES)
    expected = dense(conv(turned(IMAGES)).movedim(1, -1)).detach().numpy()
    np.testing.assert_allclose(np.asarray(mine(IMAGES)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float32"])
def test_halves_are_converted_exactly_in_every_loader(kind: str, tmp_path: Path) -> None:
    weight = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)).to(getattr(torch, kind))
    expected, mine = weight.float().numpy(), model(cr.Sequential(cr.Dense(64)))
    state = {"0.weight": weight, "0.bias": torch.zeros(64).to(weight.dtype)}
    for form in FORMS:
        cr.load_weights(mine, saved(state, tmp_path, form), TEXTS[:, 0])
        np.testing.assert_array_equal(mine.parameters()["dense1.weight"], expected)
    mine.load_parameters({"dense1.weight": tnn.Parameter(weight * 2)})
    np.testing.assert_array_equal(mine.parameters()["dense1.weight"], 2 * expected)


def test_expanded_tensors_and_torchscript(tmp_path: Path) -> None:
    state = {"0.weight": torch.arange(4.0).expand(3, 4), "0.bias": torch.ones(1).expand(3)}
    mine = model(cr.Sequential(cr.Dense(3)))
    for form in ("zip", "legacy"):
        cr.load_weights(mine, saved(state, tmp_path, form), TEXTS[:, 0])
        np.testing.assert_array_equal(mine.parameters()["dense1.weight"], state["0.weight"].numpy())
    torch.jit.script(tnn.Sequential(tnn.Linear(4, 3))).save(tmp_path / "script.pt")
    with pytest.raises(ChainruleError) as caught:
        cr.load_weights(mine, tmp_path / "script.pt", TEXTS[:, 0])
    assert caught.value.code == "E453"
    assert "TorchScript" in str(caught.value)


def test_weights_that_are_not_finite_are_refused_or_reported(tmp_path: Path) -> None:
    state = {"0.weight": torch.ones(3, 4), "0.bias": torch.zeros(3)}
    state["0.weight"][1, 2] = torch.nan
    mine, file = model(cr.Sequential(cr.Dense(3))), saved(state, tmp_path)
    with pytest.raises(ChainruleError) as caught:
        cr.load_weights(mine, file, TEXTS[:, 0])
    assert caught.value.code == "E144"
    assert "(1, 2)" in str(caught.value)
    assert mine.network is None
    received: list[object] = []
    with notices.deliver_to(Channel([received.append])):
        cr.load_weights(mine, file, TEXTS[:, 0], strict=False)
        mine.load_parameters({"dense1.bias": np.array([0.0, np.inf, np.nan])})
        mine.save(tmp_path / "own.safetensors")
        cr.load(tmp_path / "own.safetensors")
    kinds = ["1 number of dense1.weight", "2 numbers of dense1.bias", "2 of 2 loaded arrays"]
    assert all(kind in str(received) for kind in kinds), received


OTHERS = {
    "empty": b"",
    "text": b"hello",
    "web": b"<!DOCTYPE html>",
    "lfs": b"version https://git-lfs",
    "hdf5": b"\x89HDF\r\n",
    "numpy": b"\x93NUMPY",
    "pickle": b"\x80\x02K\x01.",
    "tar": bytes(257) + b"ustar",
    "zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(OTHERS[name])
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(tmp_path / "weights.pt")
    assert caught.value.code == ("E451" if name == "zip" else "E450")


@pytest.mark.parametrize(
    ("code", "load"),
    [
        ("E402", lambda folder: cr.read_weights(folder)),
        ("E401", lambda folder: cr.read_weights(folder / "none.pt")),
        ("E450", lambda folder: cr.read_weights(folder / "index.json")),
        ("E503", lambda folder: cr.load_weights(model(cr.Dense(3)), folder / "good.pt")),
        ("E104", lambda folder: cr.load_weights("resnet", folder / "good.pt")),
        (
            "E101",
            lambda folder: cr.load_weights(cr.Dense(3), folder / "good.pt", TEXTS[:, 0], names="torchvison"),
        ),
        ("E101", lambda folder: cr.load_weights(cr.Dense(3), folder / "good.pt", TEXTS[:, 0], skip="head")),
        (
            "E455",
            lambda folder: cr.load_weights(cr.Dense(3), folder / "good.pt", TEXTS[:, 0], names="resnet"),
        ),
        ("E456", lambda folder: cr.read_weights(folder / "complex.pt")),
        ("E456", lambda folder: cr.read_weights(folder / "float8.safetensors")),
    ],
)
def test_invalid_calls_are_refused(code: str, load: Callable[[Path], object], tmp_path: Path) -> None:
    saved({"weight": torch.ones(3, 4), "bias": torch.ones(3)}, tmp_path).rename(tmp_path / "good.pt")
    saved({"a": torch.ones(2, dtype=torch.complex64)}, tmp_path).rename(tmp_path / "complex.pt")
    eight = saved({"a": torch.ones(2).to(torch.float8_e4m3fn)}, tmp_path, "safetensors")
    eight.rename(tmp_path / "float8.safetensors")
    (tmp_path / "index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ChainruleError) as caught:
        load(tmp_path)
    assert caught.value.code == code
