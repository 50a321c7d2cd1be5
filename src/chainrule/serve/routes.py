"""The application: the paths of a server and their responses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chainrule import __version__
from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.serve.batch_queue import BatchQueue, QueueLimits
from chainrule.serve.description import FOLDER, page
from chainrule.serve.inference_protocol import (
    HEADER_LENGTH,
    describe_outputs,
    outputs_of,
    read_inference,
    write_inference,
)
from chainrule.serve.measurements import Measurements, RecentRows
from chainrule.serve.models import Predictions, Repository, Request, ServedModel, level_of
from chainrule.serve.openapi import document
from chainrule.web.assets import CONTENT_TYPES, asset_response, load_assets
from chainrule.web.bodies import Limits, media_type, read_json
from chainrule.web.middleware import Guard, stopping
from chainrule.web.paths import NO_PATH, Operation, Paths
from chainrule.web.process import request_reload
from chainrule.web.request_and_response import Exchange
from chainrule.web.responses import BytesResponse, JsonResponse, RequestError, encoded, invalid
from chainrule.web.token_host_and_origin import Access

PLATFORM = "chainrule"
MODELS = "/v2/models/"
PROBES = ("/v2/health/live", "/v2/health/ready")
EXPLANATIONS = QueueLimits(batch_rows=1, queue_rows=16)


@frozen(eq=False)
class Endpoint:
    """A model with its queues, its latest rows and what counts all rows."""

    served: ServedModel
    queue: BatchQueue
    explanations: BatchQueue
    recent: RecentRows
    count_rows: Callable[[int], Any]

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
                measurements.deferred(measurements.rows.labels(served.name, served.version).inc),
            )
            for served in repository
        }
        for served in repository:
            served.warm_up()
        self.assets = load_assets(FOLDER)
        no_model = repository.no_model().message
        self.paths = Paths(self._operations(), lambda path: no_model if path.startswith(MODELS) else NO_PATH)

    def guarded(self, access: Access, limits: Limits) -> Guard:
        """Return the application behind its checks."""
        return Guard(self.paths, access, limits, self.measurements.observe, self.close, probes=PROBES)

    def close(self) -> None:
        """End the threads of all models."""
        for endpoint in self.endpoints.values():
            endpoint.close()

    def _batch_counter(self, served: ServedModel) -> Callable[[int], None]:
        return self.measurements.deferred(
            self.measurements.batches.labels(served.name, served.version).observe
        )

    def _operations(self) -> dict[str, Operation]:
        """Return what the server does, by path."""
        operations = {
            "/predict": Operation(self._predict, "POST", "/predict"),
            "/explain": Operation(self._explain, "POST", "/explain"),
            "/reload": Operation(self._reload, "POST", "/reload"),
        }
        for path, handle in {
            "/": self._page,
            "/openapi.json": self._document,
            "/v2": self._server,
            "/v2/": self._server,
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            "/drift": self._drift,
            "/metrics": self._metrics,
        }.items():
            operations[path] = Operation(handle, "GET", path)
        for name in self.assets:
            operations[f"/page/{name}"] = Operation(partial(self._asset, name), "GET", "/page/{name}")
        for name, versions in self.repository.models.items():
            operations |= self._model_operations(f"{MODELS}{name}", f"{MODELS}{{name}}", self._find(name))
            for version in versions:
                place = f"{MODELS}{name}/versions/{version}"
                route = f"{MODELS}{{name}}/versions/{{version}}"
                operations |= self._model_operations(place, route, self._find(name, version))
        return operations

    def _model_operations(self, place: str, route: str, endpoint: Endpoint) -> dict[str, Operation]:
        """Return the operations of the Open Inference Protocol for a model."""
        return {
            place: Operation(partial(self._model, endpoint), "GET", route),
            f"{place}/ready": Operation(partial(self._model_ready, endpoint), "GET", f"{route}/ready"),
            f"{place}/infer": Operation(partial(self._infer, endpoint), "POST", f"{route}/infer"),
        }

    # --- descriptions

    async def _page(self, request: Exchange) -> BytesResponse:
        """Return the page that describes the server."""
        url = f"http://{request.headers['host']}"
        return BytesResponse(page(self.repository, request.lang, url), CONTENT_TYPES[".html"])

    async def _asset(self, name: str, request: Exchange) -> BytesResponse:
        """Return a file of the page."""
        return asset_response(self.assets, name, request.headers.get("if-none-match"))

    async def _document(self, request: Exchange) -> JsonResponse:
        """Return the OpenAPI document."""
        return JsonResponse(document(self.repository, request.lang))

    # --- the Open Inference Protocol

    async def _server(self, request: Exchange) -> JsonResponse:
        """Describe the server."""
        content = {"name": PLATFORM, "version": __version__, "extensions": ["binary_tensor_data"]}
        return JsonResponse(content)

    async def _live(self, request: Exchange) -> JsonResponse:
        """Report that the server runs."""
        return JsonResponse({"live": True})

    async def _ready(self, request: Exchange) -> JsonResponse:
        """Report that the server is ready; 503 when it no longer is, because it stops."""
        if request.is_stopping:
            raise stopping()
        return JsonResponse({"ready": True})

    async def _model_ready(self, endpoint: Endpoint, request: Exchange) -> JsonResponse:
        """Report that a model is ready."""
        served = endpoint.served
        return JsonResponse({"name": served.name, "ready": True})

    async def _model(self, endpoint: Endpoint, request: Exchange) -> JsonResponse:
        """Describe a model."""
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
            "outputs": describe_outputs(served.example, served.may_refuse),
            "properties": {"digest": served.digest, "kind": served.kind.name, "task": served.model.task},
        }
        return JsonResponse(content)

    async def _infer(self, endpoint: Endpoint, request: Exchange) -> Any:
        """Predict the rows of tensors."""
        served = endpoint.served
        body = await request.body()
        inference = read_inference(body, request.headers.get(HEADER_LENGTH), served.fields)
        predicted = await self._predicted(endpoint, inference.request, request)
        tensors = outputs_of(predicted.columns, served.may_refuse)
        record, content = write_inference(inference, tensors, served.name, served.version)
        if predicted.notices:  # a parameter of the protocol is no list
            texts = [notice.render(request.lang) for notice in predicted.notices]
            record["parameters"] = {"notices": "\n".join(texts)}
        if not content:
            return JsonResponse(record)
        head = encoded(record)
        headers = {HEADER_LENGTH: str(len(head))}
        return BytesResponse(head + content, b"application/octet-stream", headers)

    # --- rows by column

    async def _predict(self, request: Exchange) -> JsonResponse:
        """Predict rows."""
        endpoint = self._chosen(request)
        rows = await self._rows(endpoint.served, request)
        predicted = await self._predicted(endpoint, rows, request)
        served = endpoint.served
        content = {"model": served.name, "version": served.version, "predictions": served.records(predicted)}
        notices = [notice.render(request.lang) for notice in predicted.notices]
        return JsonResponse({**content, "notices": notices})

    async def _explain(self, request: Exchange) -> JsonResponse:
        """Explain the prediction for a row."""
        endpoint = self._chosen(request)
        served = endpoint.served
        rows = await self._rows(served, request)
        if rows.count != 1:
            raise invalid(fact("an explanation is about one row"))
        lang = request.lang
        content = await endpoint.explanations.submit(lambda: served.explain(rows, lang), 1)
        return JsonResponse({"model": served.name, "version": served.version, **content})

    async def _drift(self, request: Exchange) -> JsonResponse:
        """Compare the latest rows with the training rows."""
        endpoint = self._chosen(request)
        served, recent = endpoint.served, endpoint.recent
        record = await self._measured_drift(endpoint)
        content = {"model": served.name, "version": served.version, "recent_rows": recent.count}
        return JsonResponse({**content, "drift": record})

    async def _metrics(self, request: Exchange) -> BytesResponse:
        """Return the counters, with those of the drift for rows that arrived since the last time."""
        request.settle()
        for endpoint in self.endpoints.values():
            if endpoint.recent.added != endpoint.recent.compared:
                await self._measured_drift(endpoint)
        return BytesResponse(self.measurements.text(), b"text/plain; version=0.0.4; charset=utf-8")

    async def _reload(self, request: Exchange) -> JsonResponse:
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

    def _find(self, name: str = "", version: str = "") -> Endpoint:
        return self.endpoints[self.repository.find(name, version)]

    def _chosen(self, request: Exchange) -> Endpoint:
        query = request.query
        if not (query.get("model", "1") and query.get("version", "1")):
            raise self.repository.no_model()
        return self._find(query.get("model", ""), query.get("version", ""))

    async def _predicted(self, endpoint: Endpoint, rows: Request, request: Exchange) -> Predictions:
        """Return the predictions for some rows, and count them."""
        served = endpoint.served
        request.log.update(model=served.name, version=served.version, rows=rows.count)
        predicted = await endpoint.queue.submit(rows, max(rows.count, 1))
        endpoint.count_rows(rows.count)
        if predicted.frame is not None:
            endpoint.recent.add(predicted.frame)
        return predicted

    async def _rows(self, served: ServedModel, request: Exchange) -> Request:
        """Return the rows in a body: JSON, or the bytes of one file."""
        kind, expected = media_type(request.headers.get("content-type", "")), served.form.media_types
        if kind in expected:
            return Request({"file": [await request.body()]}, 1)
        if expected and kind != "application/json":
            names = ", ".join(expected)
            raise RequestError(415, fact("the body is a file; expected Content-Type: {names}", names=names))
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
