"""``chainrule serve``: trained models behind an address.

The libraries of the extra ``serve`` are imported when the command runs.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps.cli.texts import text_of
from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.optional_dependency import missing
from chainrule.page import screen
from chainrule.store import os_errors

LIBRARIES = ("starlette", "uvicorn", "prometheus_client")
MIN_TOKEN = 16  # characters
NEW_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe())' > "


def serve(
    runs: Annotated[list[str], typer.Argument(help="=serve_runs", metavar="RUN")],
    *,
    host: Annotated[str, typer.Option(help="=serve_host", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="=serve_port", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="=serve_workers", min=1, max=256)] = 1,
    token_file: Annotated[str | None, typer.Option(help="=serve_token_file", metavar="FILE")] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="=serve_no_token")] = False,
    allow_host: Annotated[list[str] | None, typer.Option(help="=serve_allow_host", metavar="NAME")] = None,
    batch_rows: Annotated[int, typer.Option(help="=serve_batch_rows", min=1)] = 256,
    batch_delay: Annotated[float, typer.Option(help="=serve_batch_delay", min=0, max=1000)] = 0.0,
    queue_rows: Annotated[int, typer.Option(help="=serve_queue_rows", min=1)] = 4096,
    timeout: Annotated[float, typer.Option(help="=serve_timeout", min=0.1)] = 30.0,
    max_body: Annotated[int, typer.Option(help="=serve_max_body", min=1024)] = 8 << 20,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """Handle requests until the process is stopped."""
    absent = [name for name in LIBRARIES if find_spec(name) is None]
    if absent:
        raise missing("serve", "chainrule serve")
    service = import_module("chainrule.serve.service")
    options = service.ServeOptions(
        tuple(runs),
        host=host,
        port=port,
        workers=workers,
        token=token_of(host, token_file, no_token),
        names=tuple(allow_host or ()),
        queue=(batch_rows, queue_rows, batch_delay / 1000),
        response_seconds=timeout,
        body_bytes=max_body,
    )

    def announce(listener: Any) -> None:
        with suppress(OSError):  # the log cannot be written
            _announce(listener, options, token_file is not None)

    return service.start(options, announce)


def token_of(host: str, file: str | None, is_open: bool) -> str | None:
    """Return the token of the server; ``None`` for one without.

    Raises:
        UsageError E601: no token where other machines reach the server. E623: a token that is too short.
        FileError E401: there is no such file.
    """
    access = import_module("chainrule.web.token_host_and_origin")
    if is_open:
        if file is not None or not access.is_loopback(host):
            expected = fact("a token: other machines reach this address")
            option = "--no-token"
            raise UsageError(
                "E601", where="chainrule serve", option=option, expected=expected, fix="--token-file FILE"
            )
        return None
    if file is None:
        return access.new_token()
    try:
        text = Path(file).read_text("ascii", "replace").strip()
    except OSError as error:
        raise os_errors.read_error(error, Path(file)) from error
    if len(text) < MIN_TOKEN or not text.isprintable() or not text.isascii() or " " in text:
        expected = fact("a line of at least {count} letters and digits", count=MIN_TOKEN)
        received = fact("{count} characters", count=len(text))
        raise FileError(
            "E623", where=file, expected=expected, received=received, fix=NEW_TOKEN + quoted(file)
        )
    return text


def _announce(listener: Any, options: Any, has_file: bool) -> None:
    """Print the address of the server, and its token."""
    token = options.token
    address = listener.url if token is None or has_file else f"{listener.url}/?token={token}"
    screen.line(text_of("serve_ready").format(url=address), to_errors=True)
    if token is None:
        screen.line(text_of("serve_open"), "yellow", to_errors=True)
    elif not has_file:
        screen.line(text_of("serve_token").format(token=token), to_errors=True)
    if listener.is_public:
        screen.line(text_of("serve_public").format(host=listener.host), "yellow", to_errors=True)
