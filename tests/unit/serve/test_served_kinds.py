"""Each kind of input behind an address: it predicts what the model predicts, and explains it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import in_process
from chainrule.apps.cli.main import main
from chainrule.data.readers.read_options import NO_OPTIONS
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel, SoundInput
from chainrule.inputs import SoundKind, kind_of
from chainrule.model import Model

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.forms import DATATYPES, ArrayForm, Field
from chainrule.serve.inference_protocol import HEADER_LENGTH, read_inference
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import Repository, ServedModel
from chainrule.serve.openapi import document, example_of
from chainrule.serve.routes import Application
from chainrule.web import Access, Limits, RequestError

DRAW = np.random.default_rng(0)
TEXTS = ["好书 很喜欢", "太差 不喜欢", "很好", "不好 太差"]
TEXT_LABELS = ["pos", "neg", "pos", "neg"]


def trained(net: Any, loss: Any, x: Any, y: Any, **more: Any) -> Model:
    model = Model(net, loss, cr.Adam(0.05), **more)
    model.fit(x, y, epochs=3, seed=0, verbose=False)
    return model


def texts() -> Model:
    tokenizer = cr.Tokenizer.learn(TEXTS, "character")
    net = cr.Sequential(cr.Embedding(tokenizer.size, 8, padding_index=0), cr.SequencePool("max"), cr.Dense(1))
    x = cr.pad_sequences(tokenizer.encode_all(TEXTS), 6).values
    return trained(
        cr.Parallel(text=net),
        "binary_cross_entropy",
        {"text": x},
        TEXT_LABELS,
        tokenizer=tokenizer,
        metrics=[],
    )


def several_outputs() -> Model:
    net = cr.Sequential(cr.Parallel("none", move=cr.Dense(3), value=cr.Dense(1)))
    y = {"move": np.arange(12) % 3 + 1, "value": np.ones((12, 1), "float32")}
    x = DRAW.normal(size=(12, 4)).astype("float32")
    return trained(net, {"move": "cross_entropy", "value": "mse"}, x, y)


def vectors() -> Model:
    return trained(cr.Dense(2), "mse", DRAW.normal(size=(8, 3)).astype("f"), np.ones((8, 2), "f"))


def items() -> Model:
    net = cr.Sequential(cr.Embedding(3, 2), cr.Flatten(), cr.Dense(1))
    return trained(net, "mse", np.arange(3)[:, None], np.ones((3, 1), "float32"))


def several_inputs() -> Model:
    net = cr.Sequential(cr.Parallel(a=cr.Dense(2), b=cr.Sequential(cr.Flatten(), cr.Dense(2))), cr.Dense(2))
    x = {"a": DRAW.normal(size=(8, 3)).astype("f"), "b": DRAW.normal(size=(8, 2, 2)).astype("f")}
    return trained(net, "cross_entropy", x, np.arange(8) % 2)


def batch_normalization() -> Model:
    net = cr.Sequential(cr.Dense(4), cr.BatchNorm(), cr.Dense(2))
    return trained(net, "cross_entropy", DRAW.normal(size=(16, 3)).astype("f"), np.arange(16) % 2)


MODELS: dict[str, Callable[[], Model]] = {
    maker.__name__: maker
    for maker in (texts, several_outputs, vectors, items, several_inputs, batch_normalization)
}


class Client:
    """Requests to an application in this process."""

    def __init__(self, model: Model) -> None:
        self.served = ServedModel("m", "1", "m", model, "")
        self.repository = Repository([self.served])
        self.app = Application(self.repository, Measurements(), QueueLimits(direct_seconds=0.01))
        self.guard = self.app.guarded(Access.at("127.0.0.1", 1, None), Limits())

    def post(
        self, path: str, body: bytes, kind: str = "application/json", lang: str = "en"
    ) -> tuple[int, Any]:
        """Status and JSON of a response."""
        return in_process.post(self.guard, path, body, kind, lang)

    def post_rows(self, path: str, body: Any) -> tuple[int, Any]:
        return in_process.post(self.guard, path, body)


@pytest.fixture(scope="module", params=MODELS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    running = Client(MODELS[request.param]())
    yield running
    running.guard.close()


def test_the_example_of_the_document_is_predicted_and_explained(client: Client) -> None:
    example = example_of(client.served)
    assert client.served.example is not None
    status, content = client.post_rows("/predict", example)
    assert status == 200, content
    assert len(content["predictions"]) == 1
    status, content = client.post_rows("/explain", example)
    if status == 200:
        assert content["reasons"]
    else:  # an output must be chosen, or there is nothing to explain about integers
        assert (status, content["code"][0]) == (400, "E"), content
    schema = document(client.repository, "en")["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert list(schema["application/json"]["schema"]["properties"]["rows"]["items"]["properties"]) == [
        field.name for field in client.served.fields
    ]


def test_rows_together_have_the_predictions_of_rows_alone(client: Client) -> None:
    row = example_of(client.served)
    assert row is not None
    body = {"rows": row["rows"] * 5}
    status, content = client.post_rows("/predict", body)
    assert status == 200
    assert content["predictions"] == client.post_rows("/predict", row)[1]["predictions"] * 5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_numbers_of_json_are_rounded_as_by_numpy(dtype: str) -> None:
    largest = float(np.finfo(dtype).max)
    row = [0.1, -1 / 3, 7, 2**52 + 1 if dtype != "float16" else 3, 1e-40, 5e-324, largest, -largest]
    field, form = Field("x", DATATYPES[dtype], (len(row),)), ArrayForm.__new__(ArrayForm)
    form.fields, form.dtypes = (field,), {"x": np.dtype(dtype)}
    body = {"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": DATATYPES[dtype], "data": row}]}
    tensor = read_inference(json.dumps(body).encode(), None, [field]).request.columns["x"]
    expected = np.array([row], np.float64).astype(dtype)
    for values in ([row], tensor):
        encoded = form.encode({"x": values}, 1).x["x"]
        np.testing.assert_array_equal(encoded, expected)
        assert encoded.dtype == dtype
    many = form.encode({"x": [row] * 100}, 100).x["x"]
    np.testing.assert_array_equal(many, np.repeat(expected, 100, 0))
    for huge in (2 * int(largest), 10 * largest):
        for count in (1, 100):
            with pytest.raises(RequestError):
                form.encode({"x": [[*row[:-1], huge]] * count}, count)


def test_numbers_whose_score_overflows_are_explained() -> None:
    client = Client(vectors())
    row = {"rows": [{"x": [3.4e38, 3.4e38, -3.4e38]}]}
    assert client.post_rows("/predict", row)[0] == 200
    assert client.post_rows("/explain", row)[0] in (200, 400)
    client = Client(batch_normalization())
    status, content = client.post_rows("/explain", row)
    assert status == 200, content
    assert client.post_rows("/explain?model=", row)[0] == 404
    assert client.post_rows("/predict?version=", row)[0] == 404


def test_texts_are_predicted_as_by_the_model() -> None:
    client = Client(texts())
    status, content = client.post_rows("/predict", {"rows": [{"text": text} for text in TEXTS]})
    assert status == 200, content
    assert client.served.model.tokenizers
    x = cr.pad_sequences(next(iter(client.served.model.tokenizers.values())).encode_all(TEXTS), 6).values
    expected = client.served.model.predict({"text": x}).tolist()
    assert [record["prediction"] for record in content["predictions"]] == expected
    assert client.post_rows("/predict", {"rows": [{"text": 3}]})[0] == 400


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a folder of images, beside the images."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(("cat", "dog")):
        (folder / "pets" / name).mkdir(parents=True)
        for i in range(25):
            pixels = DRAW.integers(0, 120, (6, 6), dtype=np.uint8)
            pixels[:, number * 3 : number * 3 + 3] += 100
            image.fromarray(pixels).save(folder / "pets" / name / f"{i}.png")
    words = ["train", folder / "pets", "--net", "8 relu", "--epochs", 20, "--out", folder / "run"]
    assert main([*map(str, words)]) == 0
    return folder


def test_images_are_predicted_and_explained(pictures: Path) -> None:
    model = cr.load(pictures / "run" / "model.safetensors")
    client = Client(model)
    for name in ("cat", "dog"):
        file = pictures / "pets" / name / "3.png"
        status, content = client.post("/predict", file.read_bytes(), "image/png")
        assert status == 200, content
        rows = kind_of(model).read(model, str(file), NO_OPTIONS)
        assert rows is not None
        assert model.preparation is not None
        expected = model.predict(model.preparation.apply(rows.x).x).tolist()
        assert [record["prediction"] for record in content["predictions"]] == expected
    status, content = client.post("/explain", file.read_bytes(), "image/png")
    assert status == 200, content
    assert content["reasons"]
    for content in (
        b"",
        b"\x89PNG",
        b"GIF89a",
        b"RIFF0000WEBP",
        b"P6 99999 99999 255\n",
        b"../../etc/passwd",
    ):
        status, refused = client.post("/predict", content, "image/png")
        assert (status, "tmp" in refused["error"]) == (400, False), refused


def test_a_file_that_the_disk_cannot_store_is_refused(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(cr.load(pictures / "run" / "model.safetensors"))
    file = pictures / "pets" / "cat" / "3.png"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    status, content = client.post("/predict", file.read_bytes(), "image/png")
    assert (status, content["code"]) == (503, "unavailable")
    assert str(tmp_path) not in content["error"]
    monkeypatch.undo()
    assert client.post("/predict", file.read_bytes(), "image/png")[0] == 200


def test_sounds_are_predicted() -> None:
    soundfile = pytest.importorskip("soundfile")
    reader = SoundInput(LogMel(8000, n_mels=20), 0.5)
    net = cr.Sequential(cr.Flatten(), cr.Dense(2))
    model = trained(net, "cross_entropy", np.ones((4, 23, 20, 1), "float32"), ["a", "b", "a", "b"])
    SoundKind(reader).attach(model)
    client = Client(model)
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(4000) / 5), 8000, format="WAV")
    status, content = client.post("/predict", file.getvalue(), "audio/wav")
    assert status == 200, content
    assert content["predictions"][0]["prediction"] in ("a", "b")
    status, content = client.post("/explain", file.getvalue(), "audio/wav")
    assert status == 200, content
    names = [reason["name"] for reason in content["reasons"]]
    assert {"0.025 s, 66 Hz", "0.465 s, 3593 Hz"} <= set(names)
    assert len(names) == len(set(names)) == 23 * 20
    assert client.post("/predict", b"RIFF0000WAVE", "audio/wav")[0] == 400
    status, content = client.post("/predict", file.getvalue(), "application/octet-stream")
    assert status == 415
    assert "audio/wav, " in content["error"]
    assert "received  an empty file" in client.post("/predict", b"", "audio/wav")[1]["error"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_path_states_that_a_sound_was_resampled(
    lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile = pytest.importorskip("soundfile")
    net = cr.Sequential(cr.Flatten(), cr.Dense(2))
    model = trained(net, "cross_entropy", np.ones((4, 23, 20, 1), "float32"), ["a", "b", "a", "b"])
    SoundKind(SoundInput(LogMel(8000, n_mels=20), 0.5)).attach(model)
    run, file = tmp_path / "model.safetensors", tmp_path / "a.wav"
    model.save(run)
    for sample_rate, count in ((8000, 0), (16000, 1)):
        soundfile.write(file, np.sin(np.arange(sample_rate // 2) / 5), sample_rate, format="WAV")
        assert main(["predict", str(run), str(file), "--lang", lang]) == 0
        printed = [line.removeprefix("- ") for line in capsys.readouterr().err.splitlines()]
        assert len(printed) == count
        client, content = Client(model), file.read_bytes()
        for path in ("/predict", "/explain"):
            status, response = client.post(path, content, "audio/wav", lang)
            assert (status, response["notices"]) == (200, printed)
        tensor = {"name": "file", "shape": [1], "datatype": "BYTES"}
        tensor["parameters"] = {"binary_data_size": len(content) + 4}
        head = json.dumps({"inputs": [tensor]}).encode()
        body = head + len(content).to_bytes(4, "little") + content
        fields = {HEADER_LENGTH: str(len(head))}
        status, response = in_process.post(client.guard, "/v2/models/m/infer", body, lang=lang, fields=fields)
        assert status == 200, response
        assert response.get("parameters", {}).get("notices", "").splitlines() == printed


def test_a_model_of_sounds_is_warm_before_the_first_request() -> None:
    pytest.importorskip("soundfile")
    net = cr.Sequential(cr.Flatten(), cr.Dense(2))
    model = trained(net, "cross_entropy", np.ones((4, 23, 20, 1), "float32"), ["a", "b", "a", "b"])
    SoundKind(SoundInput(LogMel(8000, n_mels=20), 0.5)).attach(model)
    served = ServedModel("sounds", "1", "run", model, "")
    served.warm_up()
    assert served.example is not None


def test_an_interval_of_classes_is_refused_with_what_to_do() -> None:
    client, body = Client(batch_normalization()), {"rows": [{"x": [0, 0, 0]}], "interval": 0.9}
    for lang, fix in (("en", "fix       leave out interval"), ("zh", "修正  去掉 interval")):
        status, refused = client.post("/predict", json.dumps(body).encode(), lang=lang)
        assert (status, refused["code"]) == (400, "E101")
        assert fix in refused["error"]
    assert client.post_rows("/predict", body | {"interval": None})[0] == 200


def test_a_regression_has_intervals(tmp_path: Path) -> None:
    x = DRAW.normal(size=(300, 2))
    rows = [f"{a:.4f},{b:.4f},{a + 2 * b:.4f}" for a, b in x]
    (tmp_path / "sum.csv").write_text("\n".join(["a,b,y", *rows]))
    words = [
        "train",
        tmp_path / "sum.csv",
        "--target",
        "y",
        "--quick",
        "--epochs",
        3,
        "--out",
        tmp_path / "run",
    ]
    assert main([*map(str, words)]) == 0
    client = Client(cr.load(tmp_path / "run" / "model.safetensors"))
    assert client.served.levels
    for level in client.served.levels:
        status, content = client.post_rows("/predict", {"rows": [{"a": 1, "b": None}], "interval": level})
        assert status == 200, content
        low, high = content["predictions"][0]["interval"]
        assert low < content["predictions"][0]["prediction"] < high
        assert ["b" in notice for notice in content["notices"]] == [True]
    assert client.post_rows("/predict", {"rows": [{"a": 1, "b": 0.5}]})[1]["notices"] == []
    status, content = client.post_rows("/predict", {"rows": [{"a": 1, "b": 0}], "interval": 0.123})
    assert status == 400
    assert "interval" in content["error"]
    status, _ = client.post_rows("/predict", {"rows": [{"a": 1, "b": 0}], "interval": 10**400})
    assert status == 400
