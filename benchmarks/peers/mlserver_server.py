"""The exported network behind MLServer; run by the Python of an environment with mlserver and numpy."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import numpy as np
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Network(MLModel):  # pyright: ignore
    """Predicts the rows of a request."""

    async def load(self) -> bool:
        """Load the network."""
        spec = importlib.util.spec_from_file_location("net", Path(sys.argv[1]) / "net.py")
        assert spec is not None and spec.loader is not None  # noqa: PT018
        self.net = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.net)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return the outputs."""
        x = NumpyCodec.decode_input(payload.inputs[0]).astype(np.float32)
        tensors = self.net.predict(x).items()
        outputs = [NumpyCodec.encode_output(name, values) for name, values in tensors]
        return InferenceResponse(model_name=self.name, outputs=outputs)


async def main() -> None:
    """Serve one model in this process."""
    port = int(sys.argv[2])
    settings = Settings(
        http_port=port, grpc_port=port + 1, metrics_port=port + 2, parallel_workers=0, host="127.0.0.1"
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name="net", implementation=Network)])


if __name__ == "__main__":
    asyncio.run(main())
