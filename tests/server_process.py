"""Server processes for tests, and requests to them over plain sockets."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAIN = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
READY = ("Serving at http://127.0.0.1:", "The studio is at http://127.0.0.1:")
TOKEN = "a-token-of-the-tests"


@dataclass
class Response:
    """Status, headers and body of an response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ServerProcess:
    """A server that runs.

    Args:
        lines: of its standard error, so far.
    """

    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = TOKEN,
    ) -> Response:
        """Send a request; a body that is no text and no bytes is sent as JSON."""
        fields = {} if token is None else {"Authorization": f"Bearer {token}"}
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
            fields["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, fields | dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Response(response.status, names, response.read())
        finally:
            connection.close()

    def send(self, content: bytes | Sequence[bytes], timeout: float = 20.0) -> bytes:
        """Send bytes as they are, and return everything that comes back until the connection ends."""
        parts = [content] if isinstance(content, bytes) else content
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                while chunk := connection.recv(1 << 16):
                    received += chunk
            except (ConnectionError, TimeoutError):
                pass
        return received

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log that are JSON."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def running_server(
    *words: object,
    command: str = "serve",
    folder: Path | None = None,
    is_early: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """Start ``chainrule serve`` with these words on a free port, and stop it in the end.

    Args:
        words: the arguments of the command.
        command: another command that serves.
        folder: in which it runs.
        is_early: whether the block begins when the address is printed, before requests are handled.
        environment: variables of the process; by default those of this one.
    """
    line = [sys.executable, "-c", MAIN, command, *map(str, words), "--port", "0"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment)
    assert process.stderr is not None
    stream = process.stderr
    server = ServerProcess(process, 0)
    is_ready = threading.Event()

    def read() -> None:
        for line in stream:
            server.lines.append(line)
            start = next((text for text in READY if line.startswith(text)), None)
            if start is not None:
                server.port = int(line.removeprefix(start).partition("/")[0])
            if (line.startswith('{"') and '"ready"' in line) or (is_early and server.port):
                is_ready.set()
        is_ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert is_ready.wait(120), server.lines
        assert server.port, server.lines
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        reader.join(10)
        stream.close()
