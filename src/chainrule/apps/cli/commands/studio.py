"""``chainrule studio``: a network in the browser.

The libraries of the extra ``studio`` are imported when the command runs, after the address is printed.
"""

from __future__ import annotations

import threading
import webbrowser
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from chainrule.apps.cli.commands.serve import LIBRARIES, token_of
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.texts import text_of
from chainrule.optional_dependency import missing
from chainrule.page import screen


@with_options(READING)
def studio(
    source: Annotated[str, typer.Argument(help="=studio_source", metavar="RUN|DATA|EXAMPLE")] = "",
    *,
    host: Annotated[str, typer.Option(help="=serve_host", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="=studio_port", min=0, max=65535)] = 8765,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="=studio_no_browser")] = False,
    token_file: Annotated[str | None, typer.Option(help="=serve_token_file", metavar="FILE")] = None,
    allow_host: Annotated[list[str] | None, typer.Option(help="=serve_allow_host", metavar="NAME")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **reading: Any,
) -> int:
    """Show a page until the process is stopped."""
    if any(find_spec(name) is None for name in LIBRARIES):
        raise missing("studio", "chainrule studio")
    service = import_module("chainrule.studio.service")
    token = token_of(host, token_file, is_open=False)
    names = tuple(allow_host or ())
    options = service.StudioOptions(source, host, port, token, names, take_reading(reading))
    return service.start(options, lambda listener: _announce(listener, token, token_file, not no_browser))


def _announce(listener: Any, token: str | None, token_file: str | None, opens: bool) -> None:
    """Print the address, and open it in the browser."""
    address = f"{listener.url}/?token={token}"
    screen.line(
        text_of("studio_ready").format(url=address if token_file is None else listener.url), to_errors=True
    )
    screen.line(text_of("studio_stop"), to_errors=True)
    if listener.is_public:
        screen.line(text_of("serve_public").format(host=listener.host), "yellow", to_errors=True)
    if opens:
        threading.Thread(target=_open, args=(address,), daemon=True).start()


def _open(address: str) -> None:
    """Open a browser, if there is one."""
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(address)
