"""A bare Starlette application around ``model.predict_proba``: what a server cannot cost less than."""

from __future__ import annotations

import json
import sys

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import chainrule as cr

if __name__ == "__main__":
    model = cr.load(sys.argv[1])

    async def predict(request: Request) -> JSONResponse:
        """Predict the rows of a request."""
        rows = json.loads(await request.body())["rows"]
        shares = model.predict_proba(np.array([row["x"] for row in rows], np.float32))
        labels = shares.argmax(1).tolist()
        pairs = zip(labels, shares.tolist(), strict=True)
        return JSONResponse({"predictions": [{"prediction": k, "probabilities": p} for k, p in pairs]})

    app = Starlette(routes=[Route("/", predict, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="critical", access_log=False, http="h11")
