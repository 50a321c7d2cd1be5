"""Images in the studio, presets of networks, and trained models without their training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.studio.model_project import ModelProject
from chainrule.studio.workbench import Workbench


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("images"))
        opened = Workbench("digit-images")
        yield opened
        opened.close()


@pytest.mark.long
@pytest.mark.parametrize("name", ["lenet", "transformer"])
def test_presets_of_images_have_derivations(images: Workbench, name: str) -> None:
    images.change({"net": images.project.network_record()["presets"][name]})
    view = images.view(0, 1)
    path = next(iter(images.project.network_record()["paths"]))
    key = view.weights(path, 0, 1)["rows"][0]["key"]
    assert view.derivation(key, "en", 2)["sections"]
    assert view.drawing()["columns"][0]["shape"] == "8×8×1"


@pytest.mark.long
def test_a_table_of_few_columns_has_the_preset_of_a_transformer(images: Workbench) -> None:
    images.open("iris")
    presets = images.project.network_record()["presets"]
    assert set(presets) == {"transformer"}
    images.change({"net": presets["transformer"]})
    assert images.view(0, 1).drawing()["loss"]
    images.open("digit-images")


@pytest.mark.long
def test_the_image_of_a_row_is_predicted_with_a_map(images: Workbench) -> None:
    form = images.form_record(1)
    assert (form["form"], form["media"]) == ("files", "image")
    record = images.predict({"file": form["fields"][0]["value"]}, "en")
    assert len(record["predictions"][0]["probabilities"]) == 10
    assert np.shape(record["map"]) == (8, 8)
    with pytest.raises(UsageError):
        images.predict({"file": "no base 64!"}, "en")


def test_a_model_file_is_opened_to_predict(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy")
    model.fit(x, (x[:, 0] > 0).astype(int), epochs=2, verbose=False)
    model.save(tmp_path / "model.safetensors")
    bench = Workbench(str(tmp_path / "model.safetensors"))
    record = bench.project_record("en")
    assert record["views"] == ["predict", "files"]
    field = bench.form_record(1)["fields"][0]
    assert "predictions" in bench.predict({field["name"]: x[0].tolist()}, "zh")
    with pytest.raises(UsageError):
        bench.change({"net": "3"})
    with pytest.raises(UsageError):
        bench.view(0, 1)
    bench.close()


def test_the_rows_of_a_model_have_the_numbers_of_explain() -> None:
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int)
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy")
    model.fit(x, y, epochs=2, verbose=False)
    bench = Workbench()
    bench.show(ModelProject(model.state, "model", x, y))
    assert bench.project_record("en")["views"] == ["chain", "predict", "files"]
    view = bench.view(0, 2)
    assert view.trace.loss == model.trace(x[1], y[1]).loss
    assert bench.form_record(2)["fields"][0]["value"] == x[1].tolist()
    bench.close()
