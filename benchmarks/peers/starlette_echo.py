"""A bare Starlette application around ``model.predict_proba``: what a server cannot cost less than.

python starlette_echo.py MODEL PORT          # rows {"x": [...]}
python starlette_echo.py MODEL PORT table    # rows of a table
"""

from __future__ import annotations

import json
import sys

import numpy as np
import polars as pl
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import chainrule as cr

if __name__ == "__main__":
    model = cr.load(sys.argv[1])
    is_table = sys.argv[3:] == ["table"]

    async def predict(request: Request) -> JSONResponse:
        """Predict the rows of a request."""
        rows = json.loads(await request.body())["rows"]
        x = pl.DataFrame(rows) if is_table else np.array([row["x"] for row in rows], np.float32)
        shares = model.predict_proba(x)
        labels = shares.argmax(1).tolist()
        pairs = zip(labels, shares.tolist(), strict=True)
        return JSONResponse({"predictions": [{"prediction": k, "probabilities": p} for k, p in pairs]})

    app = Starlette(routes=[Route("/", predict, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="critical", access_log=False, http="h11")
