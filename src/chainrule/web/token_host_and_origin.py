"""Who may send requests: the token, the Host and the Origin of a request.

A page of another site can make a browser send requests to a server on the same machine. Three checks refuse
them, and each holds without the others:

- **Host**: the name in the header is one by which the server is meant to be reached. A name that an attacker
  lets point to 127.0.0.1 (DNS rebinding) is none.
- **Origin**: a browser names the site of the page that sends the request. It must be the server itself.
- **Token**: a secret that only the user has, in the header ``Authorization: Bearer TOKEN`` or in a cookie.
  A browser sends cookies by itself, so one counts for a method that changes something only beside an Origin.

Order: Host (421), Origin (403), token (401), so that a refused page learns nothing about the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache

from chainrule.records import frozen

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ANY_ADDRESS = ("0.0.0.0", "::")
BEARER = "bearer "


@frozen
class Access:
    """The requests that a server accepts.

    Args:
        token: the secret; ``None`` for a server without one, which must be on the loopback interface.
        hosts: names and addresses in the header Host, in small letters, without a port.
        cookie: the name of the cookie with the token.

    Example:
        >>> access = Access.at("127.0.0.1", 8000, "s3cret")
        >>> access.refusal("POST", {"host": "127.0.0.1:8000", "authorization": "Bearer s3cret"})
        >>> access.refusal("GET", {"host": "evil.example", "authorization": "Bearer s3cret"})
        421
        >>> access.refusal("GET", {"host": "localhost", "origin": "http://evil.example"})
        403
        >>> access.refusal("GET", {"host": "localhost"})
        401
    """

    token: str | None
    hosts: frozenset[str]
    cookie: str = "chainrule"

    @classmethod
    def at(cls, host: str, port: int, token: str | None, names: Iterable[str] = ()) -> Access:
        """Return the access to a server at an address.

        Args:
            host: the address that the server listens on.
            port: that of the server; browsers share cookies between all ports of a host.
            token: the secret, or ``None``.
            names: further names by which the server is reached.
        """
        own = () if host in ANY_ADDRESS else (host,)
        hosts = frozenset(name.lower().strip("[]") for name in (*LOOPBACK, *own, *names))
        return cls(token, hosts, f"chainrule-{port}")

    def refusal(self, method: str, headers: Mapping[str, str]) -> int | None:
        """Return the status with which a request is refused; ``None`` if it is accepted.

        Args:
            method: of the request; ``GET`` for a websocket.
            headers: by name in small letters; a header that occurs several times is joined by commas.
        """
        host = headers.get("host", "")
        if host_name(host) not in self.hosts:
            return 421
        origin = headers.get("origin")
        if origin is not None and not is_same_origin(origin, host):
            return 403
        if headers.get("sec-fetch-site", "same-origin") == "cross-site" and method not in SAFE_METHODS:
            return 403
        if self.token is None or self.is_token(bearer_token(headers)):
            return None
        may_use_cookie = method in SAFE_METHODS or origin is not None
        return None if may_use_cookie and self.is_token(self._cookie_in(headers)) else 401

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token; takes as long for every wrong text of a length."""
        return self.token is not None and hmac.compare_digest(text.encode(), self.token.encode())

    def set_cookie(self) -> str:
        """Return the header that stores the token in a browser."""
        return f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"

    def _cookie_in(self, headers: Mapping[str, str]) -> str:
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.cookie:
                return value
        return ""


def new_token() -> str:
    """Return a random token of 192 bits."""
    return secrets.token_urlsafe(24)


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine only.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(64)
def host_name(host: str) -> str:
    """Return the name in a header Host, in small letters; empty if it is not valid.

    Example:
        >>> host_name("LOCALHOST:8000"), host_name("[::1]:8000"), host_name("a@b"), host_name("a,b")
        ('localhost', '::1', '', '')
    """
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        is_valid = bool(bracket) and all(letter in "0123456789abcdefABCDEF:." for letter in name)
    else:
        name, colon, port = host.partition(":")
        rest = colon + port
        is_valid = all(letter.isalnum() or letter in ".-_" for letter in name)
    has_port = not rest or (rest[0] == ":" and rest[1:].isdecimal() and rest.isascii())
    return name.lower() if is_valid and has_port and name.isascii() else ""


def is_same_origin(origin: str, host: str) -> bool:
    """Return whether a page of an origin came from the host of the request."""
    scheme, _, authority = origin.partition("://")
    return scheme in ("http", "https") and authority.lower() == host.lower()


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the token in the header Authorization; empty if there is none."""
    value = headers.get("authorization", "")
    return value[len(BEARER) :].strip() if value[: len(BEARER)].lower() == BEARER else ""
