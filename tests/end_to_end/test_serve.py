"""``chainrule serve``: a real process with clients of the protocol and to hostile ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import read_table
from chainrule.model import Model
from server_process import TOKEN, ServerProcess, running_server

pytest.importorskip("starlette")
triton: Any = pytest.importorskip("tritonclient.http")

ROWS = 12
PATHS = (
    "/",
    "/v2",
    "/v2/health/live",
    "/v2/models/iris",
    "/v2/models/iris/infer",
    "/predict",
    "/metrics",
    "/reload",
)


@pytest.fixture(scope="session")
def models(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of arrays and one of values, beside the run of iris."""
    folder = tmp_path_factory.mktemp("served")
    draw = np.random.default_rng(0)
    x = draw.normal(size=(90, 2, 3)).astype(np.float32)
    net = cr.Sequential(cr.Flatten(), cr.Dense(4, "tanh"), cr.Dense(3))
    arrays = Model(net, "cross_entropy", cr.SGD(0.1))
    arrays.fit(x, np.arange(90) % 3, epochs=2, verbose=False)
    arrays.save(folder / "arrays.safetensors")
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "iris").symlink_to(small_run)
    return folder


@pytest.fixture(scope="session")
def server(models: Path) -> Iterator[ServerProcess]:
    words = [f"iris={models / 'iris'}", f"cells={models / 'arrays.safetensors'}"]
    limits = ["--max-body", 1 << 16, "--timeout", 60]
    with running_server(*words, "--token-file", models / "token", *limits) as running:
        yield running


@pytest.fixture(scope="session")
def iris(models: Path) -> Model:
    return Model.load(models / "iris" / "model.safetensors")


def rows_of(model: Model, count: int = ROWS) -> list[dict[str, Any]]:
    """Every twelfth row of iris, without the target."""
    assert model.preparation is not None
    columns = list(model.preparation.columns)
    return read_table("iris").frame.select(columns).gather_every(12).head(count).to_dicts()


def test_rows_are_predicted_as_by_the_model(server: ServerProcess, iris: Model) -> None:
    rows = rows_of(iris)
    response = server.request("POST", "/predict?model=iris", {"rows": rows})
    assert response.status == 200, response.body
    frame = read_table(rows).frame
    expected = iris.predict_frame(frame, proba=True).to_dicts()
    for record, row in zip(response.json["predictions"], expected, strict=True):
        assert record["prediction"] == row["prediction"]
        shares = record["probabilities"]
        assert shares == {label: row[f"probability of {label}"] for label in shares}
    assert len({record["prediction"] for record in response.json["predictions"]}) > 1


@pytest.mark.parametrize("is_binary", [True, False])
def test_the_triton_client_gets_the_same_predictions(
    server: ServerProcess, iris: Model, is_binary: bool
) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.is_server_live(headers=headers)
    assert client.is_server_ready(headers=headers)
    assert client.is_model_ready("iris", "1", headers=headers)
    assert client.get_server_metadata(headers=headers)["name"] == "chainrule"
    described = client.get_model_metadata("iris", headers=headers)
    rows = rows_of(iris)
    inputs = []
    for field in described["inputs"]:
        tensor = triton.InferInput(field["name"], [ROWS, 1], field["datatype"])
        values = np.array([[row[field["name"]]] for row in rows])
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(tensor)
    names = [output["name"] for output in described["outputs"]]
    outputs = [triton.InferRequestedOutput(name, binary_data=is_binary) for name in names]
    result = client.infer("iris", inputs, outputs=outputs, headers=headers, request_id="7")
    frame = iris.predict_frame(read_table(rows).frame, proba=True)
    predicted = [text.decode() if is_binary else text for text in result.as_numpy("prediction").tolist()]
    assert predicted == frame["prediction"].to_list()
    shares = frame.select(f"probability of {label}" for label in iris.labels).to_numpy()
    assert np.array_equal(result.as_numpy("probabilities"), shares)
    assert result.get_response()["id"] == "7"
    with pytest.raises(triton.InferenceServerException, match="missing"):
        client.infer("iris", inputs[:2], headers=headers)


def test_arrays_are_predicted_in_both_forms(server: ServerProcess, models: Path) -> None:
    model = Model.load(models / "arrays.safetensors")
    x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 2, 3)
    expected = model.predict_proba(x)
    name = server.request("GET", "/v2/models/cells").json["inputs"][0]["name"]
    tensor = {"name": name, "shape": [4, 2, 3], "datatype": "FP32", "data": x.tolist()}
    response = server.request("POST", "/v2/models/cells/versions/1/infer", {"inputs": [tensor], "id": "a"})
    outputs = {output["name"]: output for output in response.json["outputs"]}
    assert response.json["id"] == "a"
    assert outputs["probabilities"]["shape"] == [4, 3]
    np.testing.assert_allclose(outputs["probabilities"]["data"], expected.ravel(), atol=1e-6)
    rows = [{name: row} for row in x.tolist()]
    own = server.request("POST", "/predict?model=cells", {"rows": rows}).json["predictions"]
    flat = [share for record in own for share in record["probabilities"].values()]
    assert flat == outputs["probabilities"]["data"]


def test_the_bits_of_a_row_do_not_depend_on_its_batch(server: ServerProcess, iris: Model) -> None:
    rows = rows_of(iris)
    alone = [
        server.request("POST", "/predict?model=iris", {"rows": [row]}).json["predictions"][0] for row in rows
    ]
    together = server.request("POST", "/predict?model=iris", {"rows": rows}).json["predictions"]
    assert together == alone
    responses: list[Any] = [None] * 48

    def ask(i: int) -> None:
        part = rows[i % ROWS :]
        responses[i] = server.request("POST", "/predict?model=iris", {"rows": part}).json["predictions"]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(responses))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert responses == [alone[i % ROWS :] for i in range(len(responses))]


def test_an_explanation_names_the_columns(server: ServerProcess, iris: Model) -> None:
    row = rows_of(iris, 1)
    response = server.request("POST", "/explain?model=iris", {"rows": row})
    assert response.status == 200, response.body
    assert {reason["name"] for reason in response.json["reasons"]} == set(row[0])
    total = sum(reason["contribution"] for reason in response.json["reasons"])
    assert total == pytest.approx(response.json["score"] - response.json["baseline_score"], abs=1e-3)
    chinese = server.request("POST", "/explain?model=iris", {"rows": row}, {"Accept-Language": "zh-CN"})
    assert chinese.json["text"] != response.json["text"]


def test_recent_rows_are_compared_with_the_training(server: ServerProcess, iris: Model) -> None:
    shifted = [{name: value + 30 for name, value in row.items()} for row in rows_of(iris)]
    for _ in range(4):
        assert server.request("POST", "/predict?model=iris", {"rows": shifted}).status == 200
    response = server.request("GET", "/drift?model=iris").json
    assert response["recent_rows"] >= 48
    assert response["drift"]["is_shifted"]
    assert set(response["drift"]["columns"]) == set(shifted[0])
    metrics = server.request("GET", "/metrics").body.decode()
    assert 'chainrule_drift_shifted_columns{model="iris",version="1"} 4.0' in metrics
    assert 'chainrule_rows_total{model="iris",version="1"}' in metrics
    assert 'chainrule_requests_total{method="POST",route="/predict",status="200"}' in metrics


def test_every_path_checks_host_origin_and_token(server: ServerProcess) -> None:
    methods = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE")
    hosts = {"localhost": True, "evil.example": False}
    origins = {None: True, "http://localhost": True, "http://evil.example": False}
    cells = list(product(methods, (*PATHS, "/nothing", "/%2e%2e/etc/passwd"), hosts, origins, (True, False)))
    wrong = []
    for method, path, host, origin, has_token in cells:
        headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
        response = server.request(method, path, None, headers, TOKEN if has_token else None)
        expected = 421 if not hosts[host] else 403 if not origins[origin] else None if has_token else 401
        is_right = (
            response.status == expected if expected else response.status in (200, 202, 400, 404, 405, 415)
        )
        has_policy = "default-src 'none'" in response.headers.get("content-security-policy", "")
        if not (is_right and has_policy and response.headers.get("x-request-id")):
            wrong.append((method, path, host, origin, has_token, response.status))
    assert wrong == []
    assert len(cells) == 6 * 10 * 2 * 3 * 2


def test_a_browser_exchanges_the_token_for_a_cookie(server: ServerProcess) -> None:
    response = server.request("GET", f"/?token={TOKEN}", token=None)
    assert (response.status, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    fields = {"Cookie": cookie.partition(";")[0]}
    assert server.request("GET", "/metrics", headers=fields, token=None).status == 200
    assert server.request("POST", "/reload", headers=fields, token=None).status == 401
    assert server.request("GET", "/?token=wrong", token=None).status == 401
    assert not [line for line in server.lines if TOKEN in line]
