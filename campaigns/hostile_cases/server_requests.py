"""Requests to ``chainrule serve`` from programs that do not follow the rules.

A real server with a model of a table and one of arrays receives: every combination of method, path, Host,
Origin and token; paths that try to leave the server; bodies and heads that are too deep, too large, too slow,
of a wrong length, compressed, or of another protocol. The status that a cell of the matrix must have is
written down here a second time, without code of the server. Every other request must be refused or handled
within a bound, without a status of 500, a traceback or text of a file, and the server must respond as before.
"""

from __future__ import annotations

import gzip
import http.client
import json
import random
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from campaigns.hostile_cases.section import Section

import chainrule as cr
from chainrule.apps.cli import main as command_line

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from server_process import TOKEN, ServerProcess, running_server

LIMIT = 1 << 16  # bytes of a body
SECONDS = 30.0  # until a request must have ended
MEGABYTES = 150.0  # that a case may add to the memory of the server
SECRET = "secret-of-another-file"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ROUTES = {
    "/": "GET",
    "/openapi.json": "GET",
    "/page/server.js": "GET",
    "/page/server.css": "GET",
    "/v2": "GET",
    "/v2/": "GET",
    "/v2/health/live": "GET",
    "/v2/health/ready": "GET",
    "/v2/models/rows": "GET",
    "/v2/models/rows/ready": "GET",
    "/v2/models/rows/infer": "POST",
    "/v2/models/rows/versions/1": "GET",
    "/v2/models/rows/versions/1/ready": "GET",
    "/v2/models/rows/versions/1/infer": "POST",
    "/predict?model=rows": "POST",
    "/explain?model=rows": "POST",
    "/drift?model=rows": "GET",
    "/metrics": "GET",
    "/nothing": "",
    "/page/nothing.js": "",
    "/v2/models/nothing": "",
    "/v2/models": "",
}
HOSTS = {
    "127.0.0.1:{port}": True,
    "localhost": True,
    "[::1]:{port}": True,
    "LOCALHOST:{port}": True,
    "evil.example": False,
    "evil.example:{port}": False,
    "127.0.0.1.evil.example": False,
    "localhost.evil.example": False,
    "": False,
    "0.0.0.0:{port}": False,
    "169.254.169.254": False,
    "localhost@evil.example": False,
}
ORIGINS = {
    None: True,
    "http://{host}": True,
    "null": False,
    "http://evil.example": False,
    "": False,
    "http://{host}.evil.example": False,
    "file://": False,
}
TOKENS = {
    ("Authorization", f"Bearer {TOKEN}"): "header",
    ("Cookie", f"chainrule-{{port}}={TOKEN}"): "cookie",
    ("Cookie", f"chainrule={TOKEN}"): "",
    ("Authorization", f"Bearer {TOKEN}x"): "",
    ("Authorization", f"Basic {TOKEN}"): "",
    ("X-Nothing", "1"): "",
}
DOTS = (
    "..",
    "%2e%2e",
    "%252e%252e",
    "..%2f",
    "..\\",
    "%c0%ae%c0%ae",
    "....//",
    ".%00.",
    "%uff0e%uff0e",
    "..;",
)
FILES = ("etc/passwd", "secret.txt", "model.safetensors", "config.toml", "token", "proc/self/environ")
PREFIXES = ("/", "//", "/page/", "/v2/models/", "/v2/models/rows/versions/", "/page/server.js/", "/static/")


def run(quick: bool, seed: int) -> list[Section]:
    """Send all requests to one server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = save_models(folder)
        with running_server(*words, "--max-body", LIMIT, "--timeout", 20) as server:
            matrix = _matrix(server, quick, seed)
            return [matrix, _paths(server), _forms(server), _requests(server)]


def save_models(folder: Path) -> list[object]:
    """Save a model of a table and one of arrays beside a secret; returns the words of the command."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 3)).astype(np.float32)
    y = np.arange(60) % 2
    texts = (["red", "no"], ["blue", "yes"])
    lines = [f"{a:.3f},{b:.3f},{','.join(texts[k])}" for (a, b, _), k in zip(x, y, strict=True)]
    (folder / "rows.csv").write_text("\n".join(["a,b,c,y", *lines]))
    words = ["train", folder / "rows.csv", "--target", "y", "--quick", "--out", folder / "rows"]
    assert command_line.main([*map(str, words)]) == 0
    arrays = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    arrays.fit(x.reshape(60, 3, 1), y, epochs=1, verbose=False)
    arrays.save(folder / "arrays.safetensors")
    (folder / "token").write_text(TOKEN)
    (folder / "secret.txt").write_text(SECRET)
    return [folder / "rows", folder / "arrays.safetensors", "--token-file", folder / "token"]


# --- who may send requests


def _expected(method: str, path: str, host: str, origin: str | None, token: str) -> tuple[int, ...]:
    """Return the statuses that a cell may have."""
    if not HOSTS[host]:
        return (421,)
    if not ORIGINS[origin]:
        return (403,)
    is_safe = method in ("GET", "HEAD", "OPTIONS")
    if token != "header" and not (token == "cookie" and (is_safe or origin is not None)):
        return (401,)
    own = ROUTES[path]
    if not own:
        return (404, 405)
    if method == own:
        return (200,) if own == "GET" else (400, 415)  # there is no body
    return (200,) if (method, own) == ("HEAD", "GET") else (405,)


def _matrix(server: ServerProcess, quick: bool, seed: int) -> Section:
    """Check every combination of method, path, Host, Origin and token."""
    section = Section("requests: methods x paths x hosts x origins x tokens", remark="status as specified")
    cells = list(product(METHODS, ROUTES, HOSTS, ORIGINS, TOKENS))
    if quick:
        cells = random.Random(seed).sample(cells, len(cells) // 10)
    parts = [cells[i::2] for i in range(2)]
    threads = [threading.Thread(target=_check_cells, args=(server, part, section)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    section.cases = len(cells)
    return section


def _check_cells(server: ServerProcess, cells: Sequence[Any], section: Section) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for method, path, host, origin, token in cells:
        name = host.format(port=server.port)
        headers = {"Host": name, token[0]: token[1].format(port=server.port)}
        if origin is not None:
            headers["Origin"] = origin.format(host=name)
        start = time.perf_counter()
        try:
            connection.request(method, path, None, headers)
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status = 0
            section.events.append(f"{method} {path} {headers}: {error!r}")
            continue
        section.worst_seconds = max(section.worst_seconds, time.perf_counter() - start)
        has_headers = response.headers["Content-Security-Policy"] and response.headers["X-Request-Id"]
        expected = _expected(method, path, host, origin, TOKENS[token])
        if status not in expected or not has_headers:
            section.events.append(f"{method} {path} {headers}: {status}, not {expected}")
    connection.close()


def _paths(server: ServerProcess) -> Section:
    """Request files of the machine through every route that has a name in its path."""
    section = Section("requests: paths that lead out of the server", remark="never the text of a file")
    targets = [
        prefix + dots * depth + file
        for prefix, dots, file, depth in product(PREFIXES, DOTS, FILES, (1, 3, 8))
        if not dots.endswith("/")
    ]
    targets = [target.replace("..e", "../e") for target in targets]
    targets += [
        f"{prefix}{'/'.join([dots] * depth)}/{file}"
        for prefix, dots, file, depth in product(PREFIXES, DOTS, FILES, (1, 3, 8))
    ]
    targets += [f"{prefix}/{file}" for prefix, file in product(PREFIXES, FILES)]
    head = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    for target in targets:
        received = server.send(f"GET {target} HTTP/1.1\r\n{head}".encode("latin-1"))
        status = received[9:12]
        if status not in (b"400", b"404", b"405") or b"root:" in received or SECRET.encode() in received:
            section.events.append(f"{target}: {received[:60]!r}")
    section.cases = len(targets)
    return section


def _forms(server: ServerProcess) -> Section:
    """Send what a page of another site can make a browser send."""
    section = Section("requests: forms and websockets of other sites", remark="refused, nothing computed")
    types = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
    cookie = f"chainrule-{server.port}={TOKEN}"
    body = json.dumps({"rows": [{"a": 1, "b": 2, "c": "red"}]})
    cases: list[tuple[str, str, dict[str, str]]] = []
    for path, kind in product(("/predict?model=rows", "/reload", "/v2/models/rows/infer"), types):
        for origin, site in product(("http://evil.example", "null", None), ("cross-site", "same-site", None)):
            headers = {"Cookie": cookie, "Content-Type": kind}
            headers |= {"Origin": origin} if origin else {}
            headers |= {"Sec-Fetch-Site": site} if site else {}
            cases.append(("POST", path, headers))
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for path, origin in product(("/", "/v2", "/live"), ("http://evil.example", "null", None)):
        cases.append(("GET", path, {**upgrade, "Cookie": cookie} | ({"Origin": origin} if origin else {})))
    for method, path, headers in cases:
        response = server.request(method, path, body if method == "POST" else None, headers, token=None)
        allowed = (401, 403) if method == "POST" else (200, 400, 401, 403, 404, 426)
        if response.status not in allowed:
            section.events.append(f"{method} {path} {headers}: {response.status}")
    section.cases = len(cases)
    return section


# --- what a request is made of


def _head(path: str, *lines: str, method: str = "POST", token: str = TOKEN) -> bytes:
    fields = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *lines]
    return "\r\n".join(fields).encode("latin-1") + b"\r\n"


def _posted(path: str, body: bytes, *lines: str, kind: str = "application/json") -> bytes:
    fields = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *lines)
    return _head(path, *fields) + b"\r\n" + body


def _tensor(**changes: Any) -> bytes:
    tensor = {"name": "x", "shape": [1, 3, 1], "datatype": "FP32", "data": [1, 2, 3]} | changes
    return json.dumps({"inputs": [tensor]}).encode()


def _bodies() -> Iterator[tuple[str, bytes]]:
    """Yield bodies of rows with a name."""
    row = b'{"rows": [{"a": %s, "b": 1, "c": "red"}]}'
    texts = {
        "nested lists": b"[" * 30_000,
        "nested objects": b'{"a":' * 10_000,
        "nested lists in a cell": row % (b"[" * 20_000 + b"]" * 20_000),
        "a number of 60,000 digits": row % (b"9" * 60_000),
        "an exponent of many digits": row % b"1e99999999999999999999",
        "a negative number without bound": row % b"-1e400",
        "a tiny number": row % (b"0." + b"0" * 50_000 + b"1"),
        "not a number": row % b"NaN",
        "infinity": row % b"-Infinity",
        "a repeated key": b'{"rows": [], "rows": [{"a": 1, "b": 1, "c": "red"}]}',
        "60,000 blanks": b" " * 60_000,
        "20,000 empty rows": b'{"rows": [' + b"{}," * 19_999 + b"{}]}",
        "10,000 keys": b'{"rows": [{' + b",".join(b'"k%d":1' % i for i in range(5000)) + b"}]}",
        "rows that are a number": b'{"rows": 3}',
        "rows that are lists": b'{"rows": [[1, 2, 3]]}',
        "a row of a prototype": b'{"rows": [{"__proto__": {"a": 1}, "constructor": 1}]}',
        "a list as a cell": row % b"[1]",
        "a text as a number": row % b'"1"',
        "a boolean as a number": row % b"true",
        "a cell of 50,000 letters": b'{"rows": [{"a": 1, "b": 1, "c": "' + b"x" * 50_000 + b'"}]}',
        "a cell with markup": b'{"rows": [{"a": 1, "b": 1, "c": "<script>alert(1)</script>"}]}',
        "a cell with control characters": b'{"rows": [{"a": 1, "b": 1, "c": "\\u0000\\u001b[31m\\u202e"}]}',
        "half a character": b'{"rows": [{"a": 1, "b": 1, "c": "\\ud800"}]}',
        "a byte that is not UTF-8": b'{"rows": [{"a": 1, "b": 1, "c": "\xff"}]}',
        "UTF-16": '{"rows": []}'.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + row % b"1",
        "a level that is a text": b'{"rows": [{"a": 1, "b": 1, "c": "red"}], "interval": "0.9"}',
        "a level of 500 digits": b'{"rows": [{"a": 1, "b": 1, "c": "red"}], "interval": ' + b"9" * 500 + b"}",
        "an empty body": b"",
        "null": b"null",
    }
    yield from texts.items()


def _tensors() -> Iterator[tuple[str, bytes]]:
    """Yield requests for inference with a name."""
    yield "a shape of 2^40 rows", _tensor(shape=[1 << 40, 3, 1])
    yield "a shape whose product overflows", _tensor(shape=[1 << 39, 1 << 39, 1 << 39])
    yield "a negative size", _tensor(shape=[-1, 3, 1])
    yield "a size with a fraction", _tensor(shape=[1.0, 3, 1])
    yield "a size that is a boolean", _tensor(shape=[True, 3, 1])
    yield "a size of no rows", _tensor(shape=[0, 3, 1], data=[])
    yield "seventeen axes", _tensor(shape=[1] * 17, data=[1])
    yield "no shape", _tensor(shape=[])
    yield "too few elements", _tensor(data=[1])
    yield "texts as numbers", _tensor(data=["1", "2", "3"])
    yield "elements nested unevenly", _tensor(data=[[1, 2], 3])
    yield "elements nested 5,000 deep", _tensor(data=[]).replace(b"[]", b"[" * 5000 + b"]" * 5000)
    yield "a number that is no 32-bit float", _tensor(data=[1e39, 0, 0])
    yield "an unknown datatype", _tensor(datatype="OBJECT")
    yield "a datatype that is a list", _tensor(datatype=["FP32"])
    yield "a name that is a list", _tensor(name=["x"])
    yield "bytes that are not there", _tensor(parameters={"binary_data_size": 12})
    yield "a negative number of bytes", _tensor(parameters={"binary_data_size": -1})
    yield "an output that does not exist", _tensor()[:-1] + b', "outputs": [{"name": "../../x"}]}'
    yield "outputs that are a text", _tensor()[:-1] + b', "outputs": "prediction"}'
    yield "an id that is an object", _tensor()[:-1] + b', "id": {}}'


def _binary() -> Iterator[tuple[str, bytes]]:
    """Yield requests for inference with bytes behind the JSON, and a header of its length."""
    head = json.dumps({"inputs": [{"name": "x", "shape": [1, 3, 1], "datatype": "FP32"}]})
    head = head.replace('"FP32"', '"FP32", "parameters": {"binary_data_size": 12}')
    data = struct.pack("<3f", 1, 2, 3)
    lengths = {
        "one byte less": str(len(head) - 1),
        "more than the body": str(len(head) + 1000),
        "negative": "-1",
        "a sign": f"+{len(head)}",
        "an exponent": "1e2",
        "20 digits": "9" * 20,
        "other digits": "\xb2",
    }
    path = "/v2/models/arrays/infer"
    for name, length in lengths.items():
        line = f"Inference-Header-Content-Length: {length}"
        yield f"length of the JSON: {name}", _posted(path, head.encode() + data, line)
    line = f"Inference-Header-Content-Length: {len(head)}"
    yield "bytes left over", _posted(path, head.encode() + data + b"x", line)
    yield "bytes missing", _posted(path, head.encode() + data[:-1], line)


def _encodings() -> Iterator[tuple[str, bytes]]:
    """Yield compressed bodies and bodies of other types."""
    bomb = gzip.compress(b" " * 50_000_000)[:60_000]
    path = "/predict?model=rows"
    yield "a compressed bomb", _posted(path, bomb, "Content-Encoding: gzip")
    yield "deflate", _posted(path, zlib.compress(b"{}"), "Content-Encoding: deflate")
    yield "two encodings", _posted(path, bomb, "Content-Encoding: gzip, gzip")
    yield "an unknown encoding", _posted(path, b"{}", "Content-Encoding: \xff")
    yield "compressed chunks", _head(path, "Transfer-Encoding: gzip, chunked") + b"\r\n0\r\n\r\n"
    yield "a form", _posted(path, b"a=1", kind="application/x-www-form-urlencoded")
    yield "a type of 5,000 letters", _posted(path, b"{}", kind="a" * 5000)
    yield "an image for a table", _posted(path, b"\x89PNG", kind="image/png")


def _framings() -> Iterator[tuple[str, bytes]]:
    """Yield heads and bodies whose bounds are unclear or wrong."""
    chunked = _head("/predict?model=rows", "Content-Type: application/json", "Transfer-Encoding: chunked")
    yield "two lengths", _head("/predict", "Content-Length: 2", "Content-Length: 3") + b"\r\n{} "
    yield "a negative length", _head("/predict", "Content-Length: -2") + b"\r\n{}"
    yield "a length with a sign", _head("/predict", "Content-Length: +2") + b"\r\n{}"
    yield "a length of 400 digits", _head("/predict", f"Content-Length: {'9' * 400}") + b"\r\n{}"
    yield "a length beyond the limit", _head("/predict", f"Content-Length: {1 << 40}") + b"\r\n{}"
    yield (
        "length and chunks",
        _head("/predict", "Content-Length: 5", "Transfer-Encoding: chunked")
        + (b"\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    )
    yield "an endless chunk", chunked + b"\r\nffffffffffffffff\r\n" + b"x" * 100_000
    yield "a negative chunk", chunked + b"\r\n-1\r\nx\r\n0\r\n\r\n"
    yield "a chunk with a prefix", chunked + b"\r\n0x2\r\n{}\r\n0\r\n\r\n"
    yield "a chunk with a long extension", chunked + b"\r\n2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n"
    yield "chunks of one byte", chunked + b"\r\n" + b"1\r\n \r\n" * 20_000 + b"0\r\n\r\n"
    yield "long trailers", chunked + b"\r\n0\r\n" + b"a: b\r\n" * 50_000 + b"\r\n"
    yield "a name with a blank", _head("/metrics", "Content-Length : 0", method="GET") + b"\r\n"
    yield "a folded line", _head("/metrics", "X: a\r\n Host: evil.example", method="GET") + b"\r\n"
    yield "a zero byte in a header", _head("/metrics", "X: a\x00b", method="GET") + b"\r\n"
    yield "a line feed in a header", _head("/metrics", "X: a\nHost: evil.example", method="GET") + b"\r\n"
    yield "two hosts", _head("/metrics", "Host: evil.example", method="GET") + b"\r\n"
    yield "no host", b"GET /metrics HTTP/1.1\r\n\r\n"
    yield "an old version", b"GET /metrics\r\n\r\n"
    yield "a new version", b"GET /metrics HTTP/3.0\r\nHost: localhost\r\n\r\n"
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(1000)
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508)
    yield "a header of a megabyte", _head("/metrics", "X: " + "a" * (1 << 20), method="GET") + b"\r\n"
    yield "20,000 headers", _head("/metrics", *["X: 1"] * 20_000, method="GET") + b"\r\n"
    yield "a path of 100,000 letters", _head("/" + "a" * 100_000, method="GET") + b"\r\n"
    yield "a method of 10,000 letters", _head("/metrics", method="A" * 10_000) + b"\r\n"
    yield "a path of another host", _head("http://evil.example/metrics", method="GET") + b"\r\n"
    yield "CONNECT", _head("evil.example:443", method="CONNECT") + b"\r\n"
    yield "a star", _head("*", method="OPTIONS") + b"\r\n"
    yield (
        "200 requests at once",
        _head("/v2", method="GET").join([b"", b"\r\n"] * 1)
        + ((_head("/v2", method="GET") + b"\r\n") * 199)
        + _head("/v2", "Connection: close", method="GET")
        + b"\r\n",
    )
    yield "an upgrade", _head("/v2", "Connection: Upgrade", "Upgrade: h2c", method="GET") + b"\r\n"
    yield (
        "a body that was announced but not accepted",
        _head("/predict", f"Content-Length: {1 << 30}", "Expect: 100-continue") + b"\r\n",
    )
    query = "&".join(f"k{i}=1" for i in range(1500))
    yield "1,500 parameters", _head(f"/drift?{query}", "Connection: close", method="GET") + b"\r\n"
    yield "a token of 8,000 letters", _head("/v2", method="GET", token="x" * 8000) + b"\r\n"
    yield "a token in the path", b"GET /?token=" + b"%00" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _slow() -> Iterator[tuple[str, list[bytes], float]]:
    """Yield parts of requests, with the seconds between them."""
    head = _head("/v2", method="GET") + b"\r\n"
    body = _posted("/predict?model=rows", b'{"rows": []}' + b" " * 1000)
    yield "nothing is sent", [b""], 0.0
    yield "a head that does not end", [head[:-2]], 0.0
    yield "a head letter by letter", [bytes([byte]) for byte in head[:-4]], 0.4
    yield "a body that does not end", [body[:-10]], 0.0
    yield "a body letter by letter", [body[:-900], *[b" "] * 100], 0.5
    yield (
        "a length beyond the body",
        [_posted("/predict?model=rows", b"{}", "X: y").replace(b": 2", b": 9")],
        0.0,
    )


def _requests(server: ServerProcess) -> Section:
    """Send hostile heads and bodies."""
    section = Section(
        "requests: hostile heads and bodies", remark=f"bound: {SECONDS:.0f} s, {MEGABYTES:.0f} MB"
    )
    rows, infer = "/predict?model=rows", "/v2/models/arrays/infer"
    cases = [(name, _posted(rows, body)) for name, body in _bodies()]
    cases += [(name, _posted(infer, body)) for name, body in _tensors()]
    cases += [*_binary(), *_encodings(), *_framings()]
    for name, content in cases:
        before = _memory(server)
        start = time.perf_counter()
        received = server.send(content, SECONDS)
        section.worst_seconds = max(section.worst_seconds, time.perf_counter() - start)
        section.worst_megabytes = max(section.worst_megabytes, _memory(server) - before)
        section.events += _faults(name, received, time.perf_counter() - start)
    threads = [threading.Thread(target=_send_slowly, args=(server, case, section)) for case in _slow()]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if server.request("GET", "/v2").status != 200:
            section.events.append("no response beside slow clients")
        time.sleep(0.5)
    if section.worst_megabytes > MEGABYTES or server.process.poll() is not None:
        section.events.append(f"memory: {section.worst_megabytes:.0f} MB, or the server ended")
    section.events += [f"traceback: {line}" for line in server.lines if "Traceback" in line]
    section.cases = len(cases) + len(threads)
    return section


def _send_slowly(server: ServerProcess, case: tuple[str, list[bytes], float], section: Section) -> None:
    name, parts, pause = case

    def parts_in_time() -> Iterator[bytes]:
        for part in parts:
            yield part
            time.sleep(pause)

    start = time.perf_counter()
    received = server.send(parts_in_time(), 2 * SECONDS)
    seconds = time.perf_counter() - start
    section.worst_seconds = max(section.worst_seconds, seconds)
    section.events += _faults(name, received, seconds)


def _faults(name: str, received: bytes, seconds: float) -> list[str]:
    """Return what is wrong about a response."""
    statuses = {int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()}
    faults = []
    if 500 in statuses or b"Traceback" in received or b"File " in received:
        faults.append(f"{name}: {received[:300]!r}")
    if seconds > SECONDS:
        faults.append(f"{name}: {seconds:.1f} s")
    return faults


def _memory(server: ServerProcess) -> float:
    """Return the memory of the server in megabytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
