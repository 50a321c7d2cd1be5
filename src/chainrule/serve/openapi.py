"""The description of a server: an OpenAPI document, exact for the models that it serves.

The schema of a request is what the server accepts: the fields of the model with their types, the levels of
its prediction intervals. Only for ``infer`` and for files is it wider, since JSON Schema cannot state that a
shape agrees with the number of elements, or that bytes are an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.messages import Texts, in_language
from chainrule.serve.forms import BYTES, DTYPES, Field
from chainrule.serve.models import Repository, ServedModel
from chainrule.web.responses import STATUS_CODES

Schema = dict[str, Any]

TEXTS: Texts = {
    "title": "Models of this server",
    "predict": "Predict rows",
    "explain": "Explain the prediction for one row: the contribution of each input",
    "drift": "Compare the latest rows with the training rows",
    "metrics": "Counters in the text format of Prometheus",
    "reload": "Load all models again; requests are handled without a gap",
    "page": "The page that describes this server",
    "document": "This document",
    "server": "Name, version and extensions of the server (Open Inference Protocol)",
    "live": "Whether the server runs (Open Inference Protocol)",
    "ready": "Whether the server accepts requests (Open Inference Protocol)",
    "model": "Inputs and outputs of the model (Open Inference Protocol)",
    "model_ready": "Whether the model is ready (Open Inference Protocol)",
    "infer": "Predict the rows of tensors (Open Inference Protocol)",
    "bearer": "the token of the server; a browser has it in a cookie after the first visit with ?token=TOKEN",
    "version": "1 for the first RUN of this name; the default is the latest",
    "refused": "The request is refused",
}
ERRORS = (400, 401, 403, 404, 408, 413, 415, 421, 429, 500, 503, 504)
ERROR_RESPONSE = {"$ref": "#/components/responses/Refusal"}
TEXT, OBJECT = {"type": "string"}, {"type": "object"}


def document(repository: Repository, lang: str) -> dict[str, Any]:
    """Return the OpenAPI document of a server.

    Args:
        repository: the models.
        lang: of its texts.
    """
    texts = in_language(TEXTS, lang)
    paths: dict[str, Any] = {
        "/": {"get": _operation(texts["page"], {"text/html": {"schema": TEXT}})},
        "/openapi.json": {"get": _operation(texts["document"], _json(OBJECT))},
        "/predict": {"post": _predict(repository, texts)},
        "/explain": {"post": _explain(repository, texts)},
        "/drift": {"get": _drift(repository, texts)},
        "/metrics": {"get": _operation(texts["metrics"], {"text/plain": {"schema": TEXT}})},
        "/reload": {"post": _operation(texts["reload"], _json(_record(reload=TEXT)), status=202)},
        "/v2": {"get": _operation(texts["server"], _json(_SERVER))},
        "/v2/health/live": {"get": _operation(texts["live"], _json(_record(live={"type": "boolean"})))},
        "/v2/health/ready": {"get": _operation(texts["ready"], _json(_record(ready={"type": "boolean"})))},
    }
    for served in repository:
        paths |= _protocol_paths(served, texts)
    for operations in paths.values():
        operations["get" if "get" in operations else "post"]["responses"] |= {
            str(status): ERROR_RESPONSE for status in ERRORS
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": texts["title"], "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": texts["bearer"]}
            },
            "responses": {"Refusal": {"description": texts["refused"], "content": _json(_ERROR)}},
        },
    }


def example_of(served: ServedModel) -> dict[str, Any] | None:
    """Return the JSON of a request to ``/predict``; ``None`` for a model that takes files.

    Args:
        served: the model.
    """
    if served.form.media_types:
        return None
    columns = served.form.example()
    row = {
        name: values[0].tolist() if isinstance(values[0], np.ndarray | np.generic) else values[0]
        for name, values in columns.items()
    }
    body: dict[str, Any] = {"rows": [row]}
    if served.levels:
        body["interval"] = served.levels[0]
    return body


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _record(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


_ERROR = _record(error=TEXT, code={"enum": sorted({*STATUS_CODES.values()})}, request_id=TEXT)
_ERROR["properties"]["code"] = TEXT  # one of the protocol's words or a code of chainrule, such as E203
_SERVER = _record(name=TEXT, version=TEXT, extensions=_list(TEXT))
_TENSOR = _record(name=TEXT, datatype={"enum": [*DTYPES, BYTES]}, shape=_list({"type": "integer"}))
_PROTOCOL_TENSOR = {
    **_TENSOR,
    "properties": {**_TENSOR["properties"], "data": {"type": "array"}, "parameters": OBJECT},
}


def _operation(summary: str, content: Schema, *, status: int = 200, **more: Any) -> dict[str, Any]:
    return {"summary": summary, "responses": {str(status): {"description": "OK", "content": content}}, **more}


def _choice(repository: Repository, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the parameters that choose a model."""
    names = list(repository.models)
    versions = sorted({version for own in repository.models.values() for version in own})
    name = {"name": "model", "in": "query", "schema": {"enum": names}, "required": len(names) > 1}
    version = {"name": "version", "in": "query", "description": texts["version"]}
    return [name, {**version, "schema": {"enum": versions}}]


def _any_of(schemas: Sequence[Schema]) -> Schema:
    distinct = [schema for i, schema in enumerate(schemas) if schema not in schemas[:i]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _body(repository: Repository, is_one_row: bool) -> dict[str, Any]:
    """Return the description of a body with rows."""
    content: dict[str, Any] = {}
    rows = [_rows(served, is_one_row) for served in repository if not served.form.media_types]
    if rows:
        content |= _json(_any_of(rows))
        examples = [example for served in repository if (example := example_of(served)) is not None]
        content["application/json"]["example"] = examples[0]
    types = {name for served in repository for name in served.form.media_types}
    content |= {name: {"schema": {"type": "string", "format": "binary"}} for name in sorted(types)}
    return {"required": True, "content": content}


def _rows(served: ServedModel, is_one_row: bool) -> Schema:
    """Return the schema of rows for a model."""
    properties = {field.name: _value(field, served.form.name) for field in served.fields}
    row = {"type": "object", "properties": properties, "required": list(properties)}
    bounds = {"minItems": 1, "maxItems": 1} if is_one_row else {"minItems": 1}
    levels: Schema = {"enum": [None, *served.levels]}
    if is_one_row:
        levels = {"type": ["number", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    schema = _record(rows=_list(row, **bounds))
    schema["properties"]["interval"] = levels
    return schema


def _value(field: Field, form: str) -> Schema:
    """Return the schema of a value of a row."""
    if form == "table":
        others = ["number", "null"] if field.datatype != BYTES else ["string", "number", "boolean", "null"]
        return {"type": others}
    if field.datatype == BYTES:
        return TEXT
    dtype = np.dtype(DTYPES[field.datatype])
    if dtype.kind == "b":
        schema: Schema = {"type": "boolean"}
    elif dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        schema = {"type": "integer", "minimum": int(bounds.min), "maximum": int(bounds.max)}
    else:
        largest = float(np.finfo(dtype).max)
        schema = {"type": "number", "minimum": -largest, "maximum": largest}
    for size in reversed(field.shape):
        bounds = {"minItems": 1} if size < 0 else {"minItems": size, "maxItems": size}
        schema = _list(schema, **bounds)
    return schema


def _predict(repository: Repository, texts: Mapping[str, str]) -> dict[str, Any]:
    """Describe ``/predict``."""
    share = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
    interval = _list({"type": ["number", "null"]}, minItems=2, maxItems=2)
    row = {"type": "object", "properties": {"prediction": {}, "probabilities": share, "interval": interval}}
    schema = _record(model=TEXT, version=TEXT, predictions=_list(row), notices=_list(TEXT))
    body = _body(repository, is_one_row=False)
    parameters = _choice(repository, texts)
    return _operation(texts["predict"], _json(schema), parameters=parameters, requestBody=body)


def _explain(repository: Repository, texts: Mapping[str, str]) -> dict[str, Any]:
    """Describe ``/explain``."""
    number = {"type": ["number", "null"]}
    reason = _record(name=TEXT, value={}, contribution=number)
    schema = _record(
        model=TEXT, version=TEXT, target={}, explains=TEXT, score=number, baseline_score=number, method=TEXT
    )
    schema["properties"] |= {"reasons": _list(reason), "notices": _list(TEXT), "text": TEXT}
    body = _body(repository, is_one_row=True)
    parameters = _choice(repository, texts)
    return _operation(texts["explain"], _json(schema), parameters=parameters, requestBody=body)


def _drift(repository: Repository, texts: Mapping[str, str]) -> dict[str, Any]:
    """Describe ``/drift``."""
    schema = _record(
        model=TEXT, version=TEXT, recent_rows={"type": "integer"}, drift={"type": ["object", "null"]}
    )
    return _operation(texts["drift"], _json(schema), parameters=_choice(repository, texts))


def _protocol_paths(served: ServedModel, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the paths of a model in the Open Inference Protocol."""
    model = _record(name=TEXT, versions=_list(TEXT), platform=TEXT, inputs=_list(_TENSOR))
    model["properties"] |= {"outputs": _list(_TENSOR), "properties": OBJECT}
    result = _record(model_name=TEXT, outputs=_list(_PROTOCOL_TENSOR))
    parameters = {"type": "object", "properties": {"notices": TEXT}}
    result["properties"] |= {"model_version": TEXT, "id": TEXT, "parameters": parameters}
    names = {"enum": [field.name for field in served.fields]}
    count = len(served.fields)
    tensor = {**_PROTOCOL_TENSOR, "properties": {**_PROTOCOL_TENSOR["properties"], "name": names}}
    request = _record(inputs=_list(tensor, minItems=count, maxItems=count))
    request["properties"] |= {"id": {"type": ["string", "null"]}, "parameters": OBJECT}
    request["properties"]["outputs"] = _list(_record(name=TEXT))
    tags: dict[str, Any] = {"tags": [served.name]}
    paths: dict[str, Any] = {}
    for base in (f"/v2/models/{served.name}", f"/v2/models/{served.name}/versions/{served.version}"):
        ready = _json(_record(name=TEXT, ready={"type": "boolean"}))
        body = {"required": True, "content": _json(request)}
        paths |= {
            base: {"get": _operation(texts["model"], _json(model), **tags)},
            f"{base}/ready": {"get": _operation(texts["model_ready"], ready, **tags)},
            f"{base}/infer": {"post": _operation(texts["infer"], _json(result), requestBody=body, **tags)},
        }
    return paths
