"""The client of KServe, as it is published, gets the predictions of the model."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import read_table
from chainrule.model import Model
from server_process import TOKEN, running_server

pytest.importorskip("starlette")
kserve: Any = pytest.importorskip("kserve")
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("is_binary", [True, False])
def test_kserve_gets_the_predictions_of_the_model(small_run: Path, tmp_path: Path, is_binary: bool) -> None:
    (tmp_path / "token").write_text(TOKEN)
    model = Model.load(small_run / "model.safetensors")
    assert model.preparation is not None
    frame = read_table("iris").frame.select(model.preparation.columns).gather_every(12)
    inputs = []
    for name in frame.columns:
        tensor = kserve.InferInput(name, [frame.height, 1], "FP64")
        tensor.set_data_from_numpy(frame[name].to_numpy().reshape(-1, 1), binary_data=is_binary)
        inputs.append(tensor)
    requested = import_module("kserve.protocol.infer_type").RequestedOutput
    outputs = [requested(name, {"binary_data": is_binary}) for name in ("prediction", "probabilities")]
    request = kserve.InferRequest("iris", inputs, "7", request_outputs=outputs)

    async def ask(url: str) -> Any:
        client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2"))
        assert await client.is_server_ready(url, headers=HEADERS)
        assert await client.is_server_live(url, headers=HEADERS)
        assert await client.is_model_ready(url, "iris", headers=HEADERS)
        return await client.infer(url, request, "iris", headers=dict(HEADERS))

    with running_server(f"iris={small_run}", "--token-file", tmp_path / "token") as server:
        response = asyncio.run(ask(f"http://127.0.0.1:{server.port}"))
    expected = model.predict_frame(frame, proba=True)
    shares = expected.select(f"probability of {label}" for label in model.labels).to_numpy()
    tensors = {output.name: output.as_numpy() for output in response.outputs}
    assert response.id == "7"
    predicted = [text.decode() if isinstance(text, bytes) else text for text in tensors["prediction"]]
    assert predicted == expected["prediction"].to_list()
    assert np.array_equal(tensors["probabilities"], shares)
