"""The address that a server listens on, bound before anything else is done."""

from __future__ import annotations

import errno
import os
import socket

from chainrule.errors import UsageError, fact
from chainrule.records import frozen
from chainrule.web.token_host_and_origin import is_loopback

BACKLOG = 1024
LAST_PORT = 65535


@frozen(eq=False)
class Listener:
    """An open socket.

    Args:
        socket: bound and listening; the processes of a server share it.
        host: the address as the user named it.
        port: of the socket.
    """

    socket: socket.socket
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address in a browser on this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_public(self) -> bool:
        """Whether other machines reach the address."""
        return not is_loopback(self.host)


def listen(host: str, port: int) -> Listener:
    """Return a socket that listens on an address.

    Args:
        host: a name or an address of this machine.
        port: 0 for any free port.

    Raises:
        UsageError E621: the address is taken, reserved, or not of this machine.

    Example:
        >>> listener = listen("127.0.0.1", 0)
        >>> listener.is_public, listener.url == f"http://127.0.0.1:{listener.port}"
        (False, True)
        >>> listener.socket.close()
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            opened.listen(BACKLOG)
        except BaseException:
            opened.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise _unusable(host, port, error) from error
    opened.setblocking(False)
    return Listener(opened, host, opened.getsockname()[1])


def _unusable(host: str, port: int, error: Exception) -> UsageError:
    """Return the error for an address that cannot be listened on."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        received = fact("another program listens there")
        fix = f"--port {port + 1 if port < LAST_PORT else port - 1}"
    elif number in (errno.EACCES, errno.EPERM):
        received, fix = fact("ports below 1024 are reserved"), "--port 8000"
    else:
        received, fix = os.strerror(number) if number and number > 0 else str(error), "--host 127.0.0.1"
    expected = fact("an address of this machine with a free port")
    where = f"{host}:{port}"
    return UsageError("E621", where=where, expected=expected, received=received, fix=fix)
