"""What every server of chainrule shares: who may send requests, how much, and how it starts and stops.

Input: an ASGI application and an address. Output: a process that responds on the address until it is stopped.
Nothing here depends on models: ``serve`` and other faces bring the routes.

    token_host_and_origin.py  Access: token, Host and Origin of a request
    bodies.py                 Limits; the body of a request, and strict JSON
    assets.py                 files of a page, read when the server starts
    responses.py              responses, errors as JSON (RequestError), lines of the log
    middleware.py             Guard: every check and every header around an application
    listener.py               the address that a server listens on
    process.py                workers, reload and graceful stop

Its libraries are in the extra ``serve``.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "token_host_and_origin": "Access new_token",
        "assets": "Asset asset_response load_assets",
        "responses": "BytesResponse JsonResponse RequestError log_line",
        "bodies": "Limits parse_json read_json",
        "middleware": "Guard",
        "listener": "Listener listen",
        "process": "Service request_reload run",
    },
)
__getattr__, __dir__ = _LAZY.hooks
