"""Files of Keras: outputs, training, and files that are refused. ``campaigns.weights`` has all layers."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.errors import ChainruleError, FileError
from chainrule.interop.keras.hdf5_reader import read_hdf5

FILES = Path(__file__).parents[2] / "golden" / "keras"
NAMES = sorted(path.name for path in FILES.iterdir() if path.suffix != ".npz")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_the_outputs_of_keras(name: str) -> None:
    model = cr.load_keras(FILES / name)
    with np.load((FILES / name).with_suffix(".npz")) as stored:
        *arrays, expected = stored.values()
    inputs = dict(zip(model.network.inputs, arrays, strict=True))
    x: Any = inputs if len(arrays) > 1 else arrays[0]
    is_scored = model.recipe.loss == "cross_entropy"
    outputs = np.asarray(model.predict_proba(x) if is_scored else model(x))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


def test_a_loaded_model_trains_saves_and_is_loaded_again(tmp_path: Path) -> None:
    model = cr.load_keras(FILES / "residual.keras")
    x = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")
    before = model.predict_proba(x)
    model.fit(x, np.arange(6) % 3, epochs=3, warm_start=True, verbose=False)
    assert not np.array_equal(model.predict_proba(x), before)
    model.save(tmp_path / "own.safetensors")
    assert np.array_equal(cr.load(tmp_path / "own.safetensors").predict_proba(x), model.predict_proba(x))


def changed(folder: Path, change: Callable[[dict[str, Any]], Any], name: str = "residual.keras") -> Path:
    """A copy of a file with another description."""
    with zipfile.ZipFile(FILES / name) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    path = folder / "changed.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for one, content in members.items():
            archive.writestr(one, content)
    return path


def layer_of(config: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first layer of a class."""
    return next(one for one in config["config"]["layers"] if one["class_name"] == kind)


def test_layers_with_code_and_unknown_settings_are_all_named(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        layer_of(config, "Conv2D")["class_name"] = "Lambda"
        layer_of(config, "BatchNormalization")["config"]["renorm"] = True
        layer_of(config, "Add")["class_name"] = "MyLayer"

    with pytest.raises(FileError) as caught:
        cr.load_keras(changed(tmp_path, change))
    assert caught.value.code == "E470"
    assert all(word in str(caught.value) for word in ('Lambda "conv2d"', "renorm=True", "MyLayer"))


def _units(config: dict[str, Any]) -> None:
    layer_of(config, "Dense")["config"]["units"] = 2**30


def _filters(config: dict[str, Any]) -> None:
    layer_of(config, "Conv2D")["config"]["filters"] = 2**30


def _cycle(config: dict[str, Any]) -> None:
    first = layer_of(config, "Conv2D")["inbound_nodes"][0]["args"][0]["config"]
    first["keras_history"][0] = "dense"


def _lost(config: dict[str, Any]) -> None:
    config["config"]["output_layers"] = ["nothing", 0, 0]


def _twice(config: dict[str, Any]) -> None:
    layer_of(config, "Add")["config"]["name"] = "conv2d"


def _epsilon(config: dict[str, Any]) -> None:
    layer_of(config, "BatchNormalization")["config"]["epsilon"] = "small"


def _other(config: dict[str, Any]) -> None:
    layer_of(config, "Dense")["config"]["units"] = 4


@loop_over(
    ("change", "code"),
    [
        (_units, "E427"),
        (_filters, "E427"),
        (_cycle, "E471"),
        (_lost, "E471"),
        (_twice, "E471"),
        (_epsilon, "E471"),
        (_other, "E455"),
        (lambda config: config.clear(), "E471"),
        (lambda config: config.update(class_name="Custom"), "E470"),
        (lambda config: config["config"].update(layers=[]), "E471"),
        (lambda config: config["config"].update(layers=3), "E471"),
    ],
)
def test_descriptions_that_do_not_hold_are_refused(change: Any, code: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        cr.load_keras(changed(tmp_path, change))
    assert caught.value.code == code


def weights_of(name: str = "shared_tower.keras") -> bytes:
    """The arrays of a file."""
    with zipfile.ZipFile(FILES / name) as archive:
        return archive.read("model.weights.h5")


def test_damaged_arrays_are_an_error_and_take_no_memory() -> None:
    content = weights_of()
    rng = np.random.default_rng(0)
    cuts = [content[: int(n)] for n in rng.integers(0, len(content), 60)]
    changes = []
    for place in [*range(0, 2000, 3), *rng.integers(0, len(content), 600)]:
        damaged = bytearray(content)
        damaged[int(place)] ^= int(rng.integers(1, 256))
        changes.append(bytes(damaged))
    codes = {code_of(damaged) for damaged in (*cuts, *changes)}
    assert codes == {"", "E451", "E456"}


def code_of(content: bytes) -> str:
    """The code of the error for an HDF5 file; "" if it is read, in no more memory than the file has."""
    try:
        tensors = read_hdf5(content, "damaged.h5").tensors
    except ChainruleError as error:
        return error.code
    assert sum(one.stored.nbytes for one in tensors.values()) <= len(content)
    return ""


def test_links_are_refused() -> None:
    content = weights_of()
    node = content.index(b"SNOD")
    linked = content[: node + 24] + (2).to_bytes(4, "little") + content[node + 28 :]
    with pytest.raises(FileError, match="without links"):
        read_hdf5(linked, "linked.h5")


@loop_over(
    ("content", "code"),
    [
        (b"", "E450"),
        (b"text", "E450"),
        (b"\x89HDF\r\n\x1a\n", "E451"),
        (b"PK\x03\x04", "E451"),
        (weights_of(), "E450"),
    ],
)
def test_other_files_are_refused(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(FileError) as caught:
        cr.load_keras(tmp_path / "model.keras")
    assert caught.value.code == code


def test_an_archive_without_a_description_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.weights.h5", weights_of())
    (tmp_path / "model.keras").write_bytes(stream.getvalue())
    with pytest.raises(FileError, match=r"config\.json"):
        cr.load_keras(tmp_path / "model.keras")
