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
from chainrule.interop.lazy_tensor import KINDS
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
        cr.Conv(4, 3, padding=1), cr.BatchNorm(), cr.Activation("relu"), cr.MaxPool(2), cr.Flatten(),
        cr.Activation("gelu"), cr.Dense(5, "relu"), cr.Dense(2),
    )  # fmt: skip
    theirs = tnn.Sequential(
        tnn.Conv2d(2, 4, 3, padding=1), tnn.BatchNorm2d(4), tnn.ReLU(), tnn.MaxPool2d(2), tnn.Flatten(),
        tnn.GELU(), tnn.Linear(36, 5), tnn.ReLU(), tnn.Linear(5, 2),
    )  # fmt: skip
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
    state = {"enc.1.w.weight": torch.ones(3, 4), "enc.1.w.bias": torch.zeros(3),
             "enc.2.w.weight": torch.ones(2, 3), "enc.2.w.bias": torch.full((2,), 7.0)}  # fmt: skip
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
        assert report.rows[0].change == (
            ("", "") if kind == "float32" else (f"from {kind}", f"由 {kind} 转换")
        )


@pytest.mark.parametrize("kind", ["uint16", "uint32"])
def test_unsigned_numbers_of_safetensors_are_read(kind: str, tmp_path: Path) -> None:
    path = saved({"a": torch.tensor([3, 65535]).to(getattr(torch, kind))}, tmp_path, "safetensors")
    assert cr.read_weights(path)["a"].tolist() == [3, 65535]


def test_tied_expanded_and_empty_tensors_are_read(tmp_path: Path) -> None:
    table = torch.arange(12.0).reshape(3, 4)
    state = {"a": table, "b": table, "c": table.T[1:], "d": table[0, ::2], "e": torch.zeros(0, 3),
             "f": torch.tensor(2.0), "g": tnn.Parameter(table)}  # fmt: skip
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
        {"0.more": "part3.safetensors"}, {"0.more": "part1.safetensors"}, {"0.more": "../part1.safetensors"},
        {"0.more": "/etc/passwd"}, {"0.more": "model.safetensors.index.json"}, {"0.more": ""},
    ],
)  # fmt: skip
def test_an_incomplete_model_in_several_files_is_refused(change: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.read_weights(sharded(tmp_path, **change))
    assert caught.value.code == "E457"


WRONG = {
    "0.weight": torch.ones(3, 4), "0.bias": torch.ones(3), "2.weight": torch.ones(2, 7),
    "more.weight": torch.ones(1),
}  # fmt: skip
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
    state = {f"{name}.{kind}": torch.ones(4, 4)[0 if kind == "bias" else ...] for name in "ab" for kind in
             ("weight", "bias")}  # fmt: skip
    net = cr.Sequential(cr.Dense(4), cr.Dense(4))
    assert cr.load_weights(
        net, saved(state, tmp_path), TEXTS[:, 0]
    ).is_complete  # PyTorch files have an order
    with pytest.raises(ChainruleError) as caught:
        cr.load_weights(net, saved(state, tmp_path, "safetensors"), TEXTS[:, 0])
    assert caught.value.code == "E455"


OTHERS = {
    "empty": b"", "text": b"hello", "web": b"<!DOCTYPE html>", "lfs": b"version https://git-lfs",
    "hdf5": b"\x89HDF\r\n", "numpy": b"\x93NUMPY", "pickle": b"\x80\x02K\x01.", "tar": bytes(257) + b"ustar",
    "zip": b"PK\x03\x04",
}  # fmt: skip


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
