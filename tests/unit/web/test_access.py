"""Who may ask: every combination of method, Host, Origin and token."""

from __future__ import annotations

from itertools import product

from chainrule.web import Access, new_token

TOKEN = "correct-horse-battery"
ACCESS = Access.at("127.0.0.1", 8000, TOKEN, ["models.example"])
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
HOSTS = {
    "127.0.0.1:8000": True,
    "localhost:8000": True,
    "localhost": True,
    "LOCALHOST:1": True,
    "[::1]:8000": True,
    "models.example": True,
    "evil.example": False,
    "127.0.0.1.evil.example": False,
    "localhost.": False,
    "": False,
    "localhost:8000,evil.example": False,
    "localhost@evil.example": False,
    "localhost:80x": False,
    "0.0.0.0:8000": False,
    "[::1": False,
    "ⓛocalhost": False,
}
ORIGINS = {
    None: True,
    "http://{host}": True,
    "https://{host}": True,
    "null": False,
    "http://evil.example": False,
    "http://{host}.evil.example": False,
    "file://{host}": False,
    "": False,
}
TOKENS = {
    ("authorization", f"Bearer {TOKEN}"): "header",
    ("authorization", f"bearer {TOKEN}"): "header",
    ("cookie", f"a=b; chainrule-8000={TOKEN}"): "cookie",
    ("cookie", f"chainrule-8001={TOKEN}"): "",
    ("authorization", f"Basic {TOKEN}"): "",
    ("authorization", f"Bearer {TOKEN[:-1]}"): "",
    ("authorization", f"Bearer {TOKEN},Bearer x"): "",
    ("authorization", "Bearer ünïcode"): "",
    ("x-token", TOKEN): "",
}


def expected(method: str, host: str, origin: str | None, token: str) -> int | None:
    """The status that the documentation promises."""
    if not HOSTS[host]:
        return 421
    if not ORIGINS[origin]:
        return 403
    is_safe = method in ("GET", "HEAD", "OPTIONS")
    if token == "header" or (token == "cookie" and (is_safe or origin is not None)):
        return None
    return 401


def test_every_cell_of_the_matrix_is_as_documented() -> None:
    cells = list(product(METHODS, HOSTS, ORIGINS, TOKENS))
    wrong = []
    for method, host, origin, token in cells:
        headers = {"host": host, token[0]: token[1]}
        if origin is not None:
            headers["origin"] = origin.format(host=host)
        status = ACCESS.refusal(method, headers)
        if status != expected(method, host, origin, TOKENS[token]):
            wrong.append((method, host, origin, token, status))
    assert wrong == []
    assert len(cells) == 8 * 16 * 8 * 9


def test_a_form_of_another_site_is_refused_even_without_origin() -> None:
    headers = {"host": "localhost:8000", "sec-fetch-site": "cross-site", "authorization": f"Bearer {TOKEN}"}
    assert ACCESS.refusal("POST", headers) == 403
    assert ACCESS.refusal("POST", headers | {"sec-fetch-site": "same-origin"}) is None


def test_a_server_without_a_token_still_checks_host_and_origin() -> None:
    access = Access.at("127.0.0.1", 8000, None)
    assert access.refusal("POST", {"host": "localhost"}) is None
    assert access.refusal("POST", {"host": "evil.example"}) == 421
    assert access.refusal("POST", {"host": "localhost", "origin": "http://evil.example"}) == 403


def test_new_tokens_differ_and_are_long() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32
