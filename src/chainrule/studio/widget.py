"""The studio as a widget of notebooks, by anywidget: the modules of the page, and a response to each request.

A front end that runs widgets shows the page; any other shows ``html``, which needs no script.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import anywidget
import traitlets

from chainrule.settings import settings
from chainrule.studio.application import Application
from chainrule.studio.workbench import Workbench
from chainrule.web.responses import RequestError

STYLES, SCRIPT = ("vendor/uplot.css", "studio.css"), "notebook.js"
_FONT = re.compile(r"@font-face \{[^}]*\}\n?")  # files that a frame without an address cannot load


class StudioWidget(anywidget.AnyWidget):
    """The page of a workbench in a notebook.

    Args:
        workbench: what the page shows.
        html: what is shown where no widget runs.
        height: of the frame, in pixels.
    """

    _esm = (importlib.resources.files("chainrule.studio") / "static" / SCRIPT).read_text(encoding="utf-8")
    modules = traitlets.Dict().tag(sync=True)
    css = traitlets.Unicode().tag(sync=True)
    lang = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(640).tag(sync=True)

    def __init__(self, workbench: Workbench, html: str, height: int = 640) -> None:
        self.application = Application(lambda: workbench)
        files = self.application.files
        texts = {name: text.decode() for name, text in files.items() if name.endswith((".js", ".css"))}
        super().__init__(
            modules={name: text for name, text in texts.items() if name.endswith(".js") and name != SCRIPT},
            css=_FONT.sub("", "".join(texts[name] for name in STYLES)),
            lang=settings.lang,
            height=height,
        )
        self.html = html
        self._thread = ThreadPoolExecutor(1, "studio")
        self.on_msg(self._on_message)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle or {},)
        formats = {**data, "text/html": self.html}
        return (formats, *metadata) if isinstance(bundle, tuple) else formats

    def _on_message(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """Respond to a request of the page."""
        if not isinstance(message, dict) or not isinstance(message.get("id"), int):
            return
        status, kind, body = self.respond(
            *(str(message.get(name, "")) for name in ("method", "path", "body"))
        )
        self.send({"id": message["id"], "status": status, "type": kind}, [body])

    def respond(self, method: str, path: str, body: str) -> tuple[int, str, bytes]:
        """Return status, type and body of the response to a request.

        Args:
            method: ``"GET"`` or ``"POST"``.
            path: with the query.
            body: of the request.
        """
        return self._thread.submit(asyncio.run, self._respond(method, path, body)).result()

    async def _respond(self, method: str, path: str, body: str) -> tuple[int, str, bytes]:
        name, _, query = path.partition("?")
        lang = dict(parse_qsl(query)).get("lang", settings.lang)
        scope = {
            "type": "http",
            "method": method,
            "path": name,
            "raw_path": name.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json")],
            "state": {"lang": lang},
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body.encode(), "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            await self.application.router(scope, receive, send)
        except RequestError as error:
            return error.status, "text/plain", error.text(lang).encode()
        start = sent[0]
        kind = next((v.decode() for k, v in start["headers"] if k.lower() == b"content-type"), "")
        return start["status"], kind, b"".join(message.get("body", b"") for message in sent[1:])
