"""The application: the paths of a server and their responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.routing import Route, Router

from chainrule import __version__
from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.serve.batch_queue import BatchQueue, QueueLimits
from chainrule.serve.description import FOLDER, page
from chainrule.serve.measurements import Measurements, RecentRows
from chainrule.serve.models import Predictions, Repository, Request, ServedModel, level_of, records_of
from chainrule.serve.openapi import document
from chainrule.serve.tensors import (
    HEADER_LENGTH,
    describe_outputs,
    outputs_of,
    read_inference,
    write_inference,
)
from chainrule.web.access import Access
from chainrule.web.assets import CONTENT_TYPES, asset_response, load_assets
from chainrule.web.bodies import Limits, media_type, read_json
from chainrule.web.guard import Guard
from chainrule.web.process import request_reload
from chainrule.web.responses import BytesResponse, JsonResponse, RequestError, encoded, invalid

PLATFORM = "chainrule"
EXPLANATIONS = QueueLimits(batch_rows=1, queue_rows=16)


@frozen(eq=False)
class Endpoint:
    """A model with its queues and its latest rows."""

    served: ServedModel
    queue: BatchQueue
    explanations: BatchQueue
    recent: RecentRows

    def close(self) -> None:
        """End the threads."""
        self.queue.close()
        self.explanations.close()


class Application:
    """The routes of a server.

    Args:
        repository: its models.
        measurements: its counters, which live longer than the models.
        limits: of the queue of each model.
    """

    def __init__(self, repository: Repository, measurements: Measurements, limits: QueueLimits) -> None:
        self.repository, self.measurements = repository, measurements
        self.endpoints = {
            served: Endpoint(
                served,
                BatchQueue(served.predictions, limits, self._batch_counter(served)),
                BatchQueue(lambda calls: [call() for call in calls], EXPLANATIONS),
                RecentRows(served),
            )
            for served in repository
        }
        for served in repository:
            served.warm_up()
        self.assets = load_assets(FOLDER)
        self.router = Router(self._routes(), redirect_slashes=False)

    def guarded(self, access: Access, limits: Limits) -> Guard:
        """Return the application behind its checks."""
        return Guard(self.router, access, limits, self.measurements.observe, self.close)

    def close(self) -> None:
        """End the threads of all models."""
        for endpoint in self.endpoints.values():
            endpoint.close()

    def _batch_counter(self, served: ServedModel) -> Callable[[int], None]:
        return self.measurements.batches.labels(served.name, served.version).observe

    def _routes(self) -> list[Route]:
        model, version = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
        routes = [
            Route("/", self._page),
            Route("/page/{name}", self._asset),
            Route("/openapi.json", self._document),
            Route("/v2", self._server),
            Route("/v2/", self._server),
            Route("/v2/health/live", self._ready),
            Route("/v2/health/ready", self._ready),
            Route("/predict", self._predict, methods=["POST"]),
            Route("/explain", self._explain, methods=["POST"]),
            Route("/drift", self._drift),
            Route("/metrics", self._metrics),
            Route("/reload", self._reload, methods=["POST"]),
        ]
        for path in (model, version):
            routes += [
                Route(path, self._model),
                Route(f"{path}/ready", self._model_ready),
                Route(f"{path}/infer", self._infer, methods=["POST"]),
            ]
        return routes

    # --- descriptions

    async def _page(self, request: HttpRequest) -> BytesResponse:
        """Return the page that describes the server."""
        url = str(request.base_url).rstrip("/")
        return BytesResponse(page(self.repository, request.state.lang, url), CONTENT_TYPES[".html"])

    async def _asset(self, request: HttpRequest) -> BytesResponse:
        """Return a file of the page."""
        return asset_response(self.assets, request.path_params["name"], request.headers.get("if-none-match"))

    async def _document(self, request: HttpRequest) -> JsonResponse:
        """Return the OpenAPI document."""
        return JsonResponse(document(self.repository, request.state.lang))

    # --- the Open Inference Protocol

    async def _server(self, request: HttpRequest) -> JsonResponse:
        """Describe the server."""
        content = {"name": PLATFORM, "version": __version__, "extensions": ["binary_tensor_data"]}
        return JsonResponse(content)

    async def _ready(self, request: HttpRequest) -> JsonResponse:
        """Report that the server is ready."""
        return JsonResponse({"live": True, "ready": True})

    async def _model_ready(self, request: HttpRequest) -> JsonResponse:
        """Report that a model is ready."""
        served = self._endpoint(request.path_params).served
        return JsonResponse({"name": served.name, "ready": True})

    async def _model(self, request: HttpRequest) -> JsonResponse:
        """Describe a model."""
        endpoint = self._endpoint(request.path_params)
        served = endpoint.served
        inputs = [
            {"name": field.name, "datatype": field.datatype, "shape": [-1, *field.shape]}
            for field in served.fields
        ]
        content = {
            "name": served.name,
            "versions": list(self.repository.models[served.name]),
            "platform": PLATFORM,
            "inputs": inputs,
            "outputs": describe_outputs(served.example),
            "properties": {"digest": served.digest, "kind": served.kind.name, "task": served.model.task},
        }
        return JsonResponse(content)

    async def _infer(self, request: HttpRequest) -> Any:
        """Predict the rows of tensors."""
        endpoint = self._endpoint(request.path_params)
        served = endpoint.served
        body = await request.body()
        inference = read_inference(body, request.headers.get(HEADER_LENGTH), served.fields)
        predicted = await self._predicted(endpoint, inference.request, request)
        record, content = write_inference(
            inference, outputs_of(predicted.columns), served.name, served.version
        )
        if not content:
            return JsonResponse(record)
        head = encoded(record)
        headers = {HEADER_LENGTH: str(len(head))}
        return BytesResponse(head + content, b"application/octet-stream", headers)

    # --- rows by column

    async def _predict(self, request: HttpRequest) -> JsonResponse:
        """Predict rows."""
        endpoint = self._chosen(request)
        rows = await self._rows(endpoint.served, request)
        predicted = await self._predicted(endpoint, rows, request)
        served = endpoint.served
        content = {
            "model": served.name,
            "version": served.version,
            "predictions": records_of(predicted.columns),
        }
        return JsonResponse(content)

    async def _explain(self, request: HttpRequest) -> JsonResponse:
        """Explain the prediction for a row."""
        endpoint = self._chosen(request)
        served = endpoint.served
        rows = await self._rows(served, request)
        if rows.count != 1:
            raise invalid(fact("an explanation is about one row"))
        lang = request.state.lang
        content = await endpoint.explanations.submit(lambda: served.explain(rows, lang), 1)
        return JsonResponse({"model": served.name, "version": served.version, **content})

    async def _drift(self, request: HttpRequest) -> JsonResponse:
        """Compare the latest rows with the training rows."""
        endpoint = self._chosen(request)
        served, recent = endpoint.served, endpoint.recent
        record = await self._measured_drift(endpoint)
        content = {"model": served.name, "version": served.version, "recent_rows": recent.count}
        return JsonResponse({**content, "drift": record})

    async def _metrics(self, request: HttpRequest) -> BytesResponse:
        """Return the counters, with those of the drift for rows that arrived since the last time."""
        for endpoint in self.endpoints.values():
            if endpoint.recent.added != endpoint.recent.compared:
                await self._measured_drift(endpoint)
        return BytesResponse(self.measurements.text(), b"text/plain; version=0.0.4; charset=utf-8")

    async def _reload(self, request: HttpRequest) -> JsonResponse:
        """Load all models again; those of now respond until the new ones do."""
        request_reload()
        return JsonResponse({"reload": "started"}, 202)

    # --- what they share

    async def _measured_drift(self, endpoint: Endpoint) -> dict[str, Any] | None:
        """Return the difference of the latest rows from the training rows, and count the columns."""
        served, recent = endpoint.served, endpoint.recent
        record = await endpoint.explanations.submit(lambda: recent.drift("en"), 1)
        if record is not None:
            self.measurements.shifted.labels(served.name, served.version).set(len(record["columns"]))
        return record

    def _endpoint(self, place: Mapping[str, str]) -> Endpoint:
        return self.endpoints[self.repository.find(place["name"], place.get("version", ""))]

    def _chosen(self, request: HttpRequest) -> Endpoint:
        query = request.query_params
        if not (query.get("model", "1") and query.get("version", "1")):
            raise RequestError(404, fact("this server has no such model or version"))
        return self.endpoints[self.repository.find(query.get("model", ""), query.get("version", ""))]

    async def _predicted(self, endpoint: Endpoint, rows: Request, request: HttpRequest) -> Predictions:
        """Return the predictions for some rows, and count them."""
        served = endpoint.served
        request.state.log.update(model=served.name, version=served.version, rows=rows.count)
        predicted = await endpoint.queue.submit(rows, max(rows.count, 1))
        self.measurements.rows.labels(served.name, served.version).inc(rows.count)
        if predicted.frame is not None:
            endpoint.recent.add(predicted.frame)
        return predicted

    async def _rows(self, served: ServedModel, request: HttpRequest) -> Request:
        """Return the rows in a body: JSON, or the bytes of one file."""
        kind = media_type(request.headers.get("content-type", ""))
        if kind in served.form.media_types:
            return Request({"file": [await request.body()]}, 1)
        return rows_of(await read_json(request), served)


def rows_of(body: Any, served: ServedModel) -> Request:
    """Return the rows in JSON: ``{"rows": [{FIELD: VALUE, ...}, ...], "interval": 0.9}``.

    Args:
        body: the value of the JSON.
        served: the model.

    Raises:
        RequestError 400: it has another form, or a row lacks a field.
    """
    if not isinstance(body, dict) or not isinstance(body.get("rows"), list):
        raise invalid(fact("the body must be {form}", form='{"rows": [{"FIELD": VALUE, ...}, ...]}'))
    rows, interval = body["rows"], level_of(body.get("interval"))
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise invalid(fact("there must be at least one row, and each must be an object of JSON"))
    columns = {}
    for field in served.fields:
        try:
            columns[field.name] = [row[field.name] for row in rows]
        except KeyError:
            place = next(i for i, row in enumerate(rows, 1) if field.name not in row)
            raise invalid(fact('row {row} has no "{name}"', row=place, name=field.name)) from None
    return Request(columns, len(rows), interval)
