"""The exported network behind LitServe; run by the Python of an environment with litserve and numpy."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import litserve
import numpy as np


class Api(litserve.LitAPI):  # pyright: ignore
    """Predicts the rows of a request."""

    def setup(self, device: str) -> None:
        """Load the network."""
        spec = importlib.util.spec_from_file_location("net", Path(sys.argv[1]) / "net.py")
        assert spec is not None and spec.loader is not None  # noqa: PT018
        self.net = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.net)

    def decode_request(self, request):  # its annotation would be a schema of the body
        """Return the rows."""
        return np.array([row["x"] for row in request["rows"]], np.float32)

    def predict(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs."""
        return self.net.predict(x)

    def encode_response(self, output: dict[str, np.ndarray]) -> dict[str, Any]:
        """Return the response."""
        return {name: values.tolist() for name, values in output.items()}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[2]), generate_client_file=False, log_level="critical")
