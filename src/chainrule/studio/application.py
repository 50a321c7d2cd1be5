"""The paths of a studio and their responses: the files of the page, and JSON about the workbench.

The workbench is opened in a thread, which takes longer than everything else, while the browser already
receives the files of the page; requests about the workbench wait for it. A request never names a file of the
disk, except to open data, which is read by the readers that exist. The files of the page are read once, when
the server starts.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route, Router

from chainrule.errors import ChainruleError, fact
from chainrule.studio.page_errors import error_record
from chainrule.studio.texts import all_texts
from chainrule.web.bodies import Limits, read_json
from chainrule.web.middleware import Guard
from chainrule.web.responses import BytesResponse, JsonResponse, RequestError, invalid
from chainrule.web.token_host_and_origin import Access

if TYPE_CHECKING:
    from chainrule.studio.workbench import Workbench

TYPES = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
    "woff2": b"font/woff2",
}
MAX_ROWS, MAX_WEIGHTS = 200, 400


class Application:
    """The routes of a studio.

    Args:
        open_workbench: returns what the page shows; it is called in a thread, at once.

    Attributes:
        opened: the workbench, or the error with which opening it failed.
    """

    def __init__(self, open_workbench: Callable[[], Workbench]) -> None:
        self.opened: Future[Workbench] = _in_background(open_workbench)
        self.files = _static_files()
        self.thread = ThreadPoolExecutor(1, "studio")
        self.router = Router(self._routes(), redirect_slashes=False)

    def guarded(self, access: Access, limits: Limits) -> Guard:
        """Return the application behind its checks."""
        return Guard(self.router, access, limits, None, self.close, logs_all=False)

    def close(self) -> None:
        """End the training and the thread."""
        if self.opened.done() and self.opened.exception() is None:
            self.opened.result().close()
        self.thread.shutdown(wait=False, cancel_futures=True)

    def _routes(self) -> list[Route]:
        get = {
            "/api/texts": self._texts,
            "/api/project": self._project,
            "/api/training": self._training,
            "/api/rows": self._rows,
            "/api/frame": self._frame,
            "/api/scatter": self._scatter,
            "/api/step": self._step,
            "/api/derivation": self._derivation,
            "/api/weights": self._weights,
            "/api/form": self._form,
            "/api/runs": self._runs,
            "/api/run": self._run,
            "/api/export/{kind}": self._export,
            "/api/export-notices": self._export_notices,
        }
        post = {
            "/api/open": self._open,
            "/api/upload": self._upload,
            "/api/points": self._points,
            "/api/options": self._options,
            "/api/fix": self._fix,
            "/api/train": self._train,
            "/api/what-if": self._what_if,
            "/api/predict": self._predict,
            "/api/reasons": self._reasons,
            "/api/counterfactual": self._counterfactual,
            "/api/attack": self._attack,
        }
        return [
            Route("/", self._page),
            Route("/static/{path:path}", self._file),
            *(Route(path, function) for path, function in get.items()),
            *(Route(path, function, methods=["POST"]) for path, function in post.items()),
        ]

    # --- the page

    async def _page(self, request: Request) -> BytesResponse:
        """Return the page."""
        return BytesResponse(self.files["index.html"], TYPES["html"])

    async def _file(self, request: Request) -> BytesResponse:
        """Return a file of the page."""
        path = request.path_params["path"]
        if path not in self.files:
            raise RequestError(404, fact("there is no such path; / describes all"))
        return BytesResponse(self.files[path], TYPES[path.rpartition(".")[2]])

    async def _texts(self, request: Request) -> JsonResponse:
        """Return the texts of the page in a language."""
        return JsonResponse(all_texts(_lang(request)))

    # --- reading

    async def _project(self, request: Request) -> JsonResponse:
        """Return data, network, options and programs."""
        lang = _lang(request)
        return await self._computed(request, lambda workbench: workbench.project_record(lang))

    async def _training(self, request: Request) -> JsonResponse:
        """Return the state of the training; it never waits for the computation of another request."""
        names = ("step", "final", "losses", "losses_every", "epochs", "epochs_every")
        since = {name: _integer(request, name, -1) for name in names if name in request.query_params}
        response = await self._at_once(
            request, lambda workbench: workbench.training_record(_lang(request), since)
        )
        self._prepare_process()
        return response

    def _prepare_process(self) -> None:
        """Start the process of the next training, after the first page, which it must not delay."""
        if self.opened.exception() is None:
            workbench = self.opened.result()
            if not workbench.is_prepared:
                self.thread.submit(workbench.prepare_process)

    async def _rows(self, request: Request) -> JsonResponse:
        """Return a part of the rows."""
        start, count = _integer(request, "start", 0), min(_integer(request, "count", 50), MAX_ROWS)
        return await self._computed(
            request, lambda workbench: workbench.rows_record(max(start, 0), max(count, 0))
        )

    async def _frame(self, request: Request) -> JsonResponse:
        """Return the state of the training at a step."""
        step, is_exact = _integer(request, "step", 0), bool(_integer(request, "exact", 0))
        return await self._computed(request, lambda workbench: workbench.frame(step, is_exact))

    async def _scatter(self, request: Request) -> JsonResponse:
        """Return the rows as points, for tables of two inputs."""
        return await self._computed(request, lambda workbench: workbench.scatter_record())

    async def _step(self, request: Request) -> JsonResponse:
        """Return the drawing of a step."""
        step, row = _place(request)
        return await self._computed(request, lambda workbench: workbench.view(step, row).drawing())

    async def _derivation(self, request: Request) -> JsonResponse:
        """Return the derivation of a value."""
        step, row = _place(request)
        key, lang = request.query_params.get("key", ""), _lang(request)
        return await self._computed(
            request, lambda workbench: workbench.view(step, row).derivation(key, lang)
        )

    async def _weights(self, request: Request) -> JsonResponse:
        """Return a part of a parameter."""
        step, row = _place(request)
        path, start = request.query_params.get("path", ""), max(_integer(request, "start", 0), 0)
        count = min(_integer(request, "count", 100), MAX_WEIGHTS)
        return await self._computed(
            request, lambda workbench: workbench.view(step, row).weights(path, start, count)
        )

    async def _form(self, request: Request) -> JsonResponse:
        """Return the fields of a prediction."""
        row = _integer(request, "row", 1)
        return await self._computed(request, lambda workbench: workbench.form_record(row))

    async def _runs(self, request: Request) -> JsonResponse:
        """Return the names of the trainings to compare with."""
        return await self._computed(request, lambda workbench: workbench.runs_record())

    async def _run(self, request: Request) -> JsonResponse:
        """Return the history of one of them."""
        run = request.query_params.get("run", "")
        return await self._computed(request, lambda workbench: workbench.run_record(run))

    async def _export(self, request: Request) -> Any:
        """Return a file to take away."""
        kind, lang = request.path_params["kind"], _lang(request)

        def write(workbench: Workbench) -> tuple[str, bytes]:
            exports = import_module("chainrule.studio.exports")
            if kind not in exports.EXPORTS:
                raise RequestError(404, fact("there is no such path; / describes all"))
            with workbench.lock:
                return exports.export(workbench, kind, lang)

        try:
            name, content = await self._in_thread(write)
        except ChainruleError as error:
            return JsonResponse(error_record(error, lang), 400)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return BytesResponse(content, b"application/octet-stream", headers)

    async def _export_notices(self, request: Request) -> JsonResponse:
        """Return what the exports do not compute as the commands do."""
        lang = _lang(request)

        def read(workbench: Workbench) -> dict[str, Any]:
            exports = import_module("chainrule.studio.exports")
            with workbench.lock:
                return {"notices": exports.notices_of(workbench, lang)}

        return await self._computed(request, read)

    # --- changing

    async def _open(self, request: Request) -> JsonResponse:
        """Open data by its name."""
        source = _text(await read_json(request), "source")
        return await self._changed(request, lambda workbench: workbench.open(source))

    async def _upload(self, request: Request) -> JsonResponse:
        """Open a file of the user's machine."""
        content, name = await request.body(), request.query_params.get("name", "table.csv")
        return await self._changed(request, lambda workbench: workbench.open_upload(name, content))

    async def _points(self, request: Request) -> JsonResponse:
        """Open drawn points."""
        record = _object(await read_json(request))
        return await self._changed(request, lambda workbench: workbench.open_points(record.get("points")))

    async def _options(self, request: Request) -> JsonResponse:
        """Change options."""
        changes = _object(await read_json(request))
        return await self._changed(request, lambda workbench: workbench.change(changes))

    async def _fix(self, request: Request) -> JsonResponse:
        """Apply the fix of a finding."""
        record = _object(await read_json(request))
        rule, column = _text(record, "rule"), str(record.get("column", ""))
        return await self._changed(request, lambda workbench: workbench.apply_fix(rule, column))

    async def _train(self, request: Request) -> JsonResponse:
        """Start, continue or pause the training."""
        record = _object(await read_json(request))
        numbers = {name: record[name] for name in ("until", "until_epoch", "delay", "rate") if name in record}
        if not all(value is None or type(value) in (int, float) for value in numbers.values()):
            raise invalid(fact("until, until_epoch, delay and rate must be numbers"))
        numbers |= {name: bool(record[name]) for name in ("new", "end") if name in record}

        def command(workbench: Workbench) -> dict[str, Any]:
            workbench.command(numbers)
            return {"version": workbench.version}

        return await self._computed(request, command)

    async def _what_if(self, request: Request) -> JsonResponse:
        """Compare a step with that of another weight."""
        record, lang = _object(await read_json(request)), _lang(request)
        step, row = _place(request)
        weight, number = _text(record, "weight"), _number(record, "value")
        return await self._computed(
            request, lambda workbench: workbench.view(step, row).what_if(weight, number, lang)
        )

    async def _predict(self, request: Request) -> JsonResponse:
        """Predict a row."""
        cells, lang = _object(await read_json(request)), _lang(request)
        return await self._computed(request, lambda workbench: workbench.predict(cells, lang))

    async def _reasons(self, request: Request) -> JsonResponse:
        """Explain the prediction for a row of a kind that has its own form of predictions."""
        cells, lang = _object(await read_json(request)), _lang(request)
        return await self._computed(request, lambda workbench: workbench.reasons(cells, lang))

    async def _counterfactual(self, request: Request) -> JsonResponse:
        """Search the smallest changes of a row with another prediction."""
        cells, lang = _object(await read_json(request)), _lang(request)
        return await self._computed(request, lambda workbench: workbench.counterfactual(cells, lang))

    async def _attack(self, request: Request) -> JsonResponse:
        """Attack a row of the data."""
        radius, lang = _number(await read_json(request), "radius"), _lang(request)
        row = _integer(request, "row", 1)
        return await self._computed(request, lambda workbench: workbench.attack(row, radius, lang))

    # --- what they share

    async def _in_thread(self, compute: Callable[[Workbench], Any]) -> Any:
        workbench = await self._workbench()
        return await asyncio.get_running_loop().run_in_executor(self.thread, compute, workbench)

    async def _workbench(self) -> Workbench:
        """Return the workbench, once it is open."""
        return self.opened.result() if self.opened.done() else await asyncio.wrap_future(self.opened)

    async def _at_once(self, request: Request, record: Callable[[Workbench], Any]) -> JsonResponse:
        """Return a record that waits for no computation."""
        try:
            return JsonResponse(record(await self._workbench()))
        except ChainruleError as error:
            return JsonResponse(error_record(error, _lang(request)), 400)

    async def _computed(self, request: Request, compute: Callable[[Workbench], Any]) -> JsonResponse:
        """Return what a function computes, or its error in a form that the page shows at its place."""
        try:
            return JsonResponse(await self._in_thread(compute))
        except ChainruleError as error:
            return JsonResponse(error_record(error, _lang(request)), 400)

    async def _changed(self, request: Request, change: Callable[[Workbench], None]) -> JsonResponse:
        """Change the project and return it."""
        lang = _lang(request)

        def compute(workbench: Workbench) -> dict[str, Any]:
            change(workbench)
            return workbench.project_record(lang)

        return await self._computed(request, compute)


def _in_background(compute: Callable[[], Any]) -> Future[Any]:
    """Return what a function will return, computed in a thread that does not keep the process alive."""
    result: Future[Any] = Future()
    result.set_running_or_notify_cancel()  # a request that is canceled does not cancel it

    def run() -> None:
        try:
            result.set_result(compute())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, name="opening", daemon=True).start()
    return result


def _static_files() -> dict[str, bytes]:
    """Return the files of the page by their path."""
    files: dict[str, bytes] = {}
    pending = [("", importlib.resources.files("chainrule.studio") / "static")]
    while pending:
        prefix, folder = pending.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                pending.append((f"{prefix}{entry.name}/", entry))
            elif entry.name.rpartition(".")[2] in TYPES:
                files[prefix + entry.name] = entry.read_bytes()
    return files


def _lang(request: Request) -> str:
    chosen = request.query_params.get("lang", "")
    return chosen if chosen in ("en", "zh") else request.state.lang


def _integer(request: Request, name: str, default: int) -> int:
    """Return an integer of the query."""
    text = request.query_params.get(name, "")
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) < 16 else default


def _place(request: Request) -> tuple[int, int]:
    return _integer(request, "step", -1), _integer(request, "row", 1)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise invalid(fact("the body must be {form}", form="{...}"))
    return body


def _number(body: Any, name: str) -> float:
    value = _object(body).get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300:
        raise invalid(fact('"{name}" must be a number', name=name))
    return float(value)


def _text(body: Any, name: str) -> str:
    value = _object(body).get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 4096 or "\0" in value:
        raise invalid(fact('"{name}" must be a text', name=name))
    return value
