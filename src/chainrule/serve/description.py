"""The page of a server: its models, a request to try, and its paths; it loads nothing from elsewhere."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from chainrule import __version__
from chainrule.escaping import quoted
from chainrule.messages import Texts, in_language
from chainrule.serve.forms import BYTES, Field
from chainrule.serve.models import Repository, ServedModel
from chainrule.serve.openapi import document, example_of

FOLDER = Path(__file__).parent / "page"
MAX_CHOICES = 12
MAX_ROWS = 20  # of a text area
TEXTS: Texts = {
    "title": "Models of this server",
    "version_of": "version",
    "inputs": "A row has these fields.",
    "field": "field",
    "type": "type",
    "levels": "values in the training",
    "request": "Request",
    "predict": "Predict",
    "explain": "Explain",
    "command": "The same by command",
    "paths": "Paths",
    "text": "text",
    "number": "number",
    "file": "the bytes of a file",
}


def page(repository: Repository, lang: str, url: str) -> bytes:
    """Return the page of a server as HTML.

    Args:
        repository: its models.
        lang: ``"en"`` or ``"zh"``.
        url: of the server, without a path.
    """
    texts = in_language(TEXTS, lang)
    paths = [
        {"method": method.upper(), "name": path, "summary": operation["summary"]}
        for path, operations in document(repository, lang)["paths"].items()
        for method, operation in operations.items()
    ]
    models = [_model(served, texts, url) for served in repository]
    words: dict[str, Any] = {"lang": "zh-CN" if lang == "zh" else "en", "version": __version__}
    return _template().render(texts=texts, models=models, paths=paths, **words).encode()


@cache
def _template() -> jinja2.Template:
    source = (FOLDER / "server.html.j2").read_text("utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)


def _model(served: ServedModel, texts: dict[str, str], url: str) -> dict[str, Any]:
    """Return what the page shows of a model."""
    example = example_of(served)
    body = "" if example is None else json.dumps(example, ensure_ascii=False, indent=2)
    fields = [{"name": f.name, "type": _type(f, served, texts), "levels": _levels(f)} for f in served.fields]
    return {
        "name": served.name,
        "version": served.version,
        "task": served.model.task,
        "fields": fields,
        "body": body,
        "lines": min(MAX_ROWS, body.count("\n") + 1),
        "command": _command(served, example, url),
    }


def _type(field: Field, served: ServedModel, texts: dict[str, str]) -> str:
    if served.form.media_types:
        return texts["file"]
    kind = texts["text"] if field.datatype == BYTES else texts["number"]
    sizes = " × ".join("N" if size < 0 else str(size) for size in field.shape)
    return f"{kind} ({sizes})" if sizes else kind


def _levels(field: Field) -> str:
    levels = ", ".join(field.choices[:MAX_CHOICES])
    return f"{levels}, …" if len(field.choices) > MAX_CHOICES else levels


def _command(served: ServedModel, example: dict[str, Any] | None, url: str) -> str:
    """Return a command that sends a request."""
    address = quoted(f"{url}/predict?model={served.name}&version={served.version}")
    if example is None:
        kind, content = served.form.media_types[0], "@FILE"
    else:
        kind, content = "application/json", quoted(json.dumps(example, ensure_ascii=False))
    lines = [f"curl {address}", "-H 'Authorization: Bearer TOKEN'", f"-H 'Content-Type: {kind}'"]
    return " \\\n  ".join([*lines, f"--data-binary {content}"])
