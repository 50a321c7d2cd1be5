"""How a server starts, reloads, stops, and refuses what it cannot do in time."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import read_table
from chainrule.model import Model
from server_process import MAIN, ServerProcess, running_server

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


class Doubled(cr.Layer):
    """A class that only this file has."""

    def __call__(self, x: Any, scope: Any) -> Any:
        return x * 2


def save_model(file: Path, seed: int, epochs: int = 1) -> Path:
    """A small network of three numbers, trained a little; written as a whole."""
    model = Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    model.fit(X, (X[:, 0] > 0).astype(int), epochs=epochs, seed=seed, verbose=False)
    model.save(file.with_suffix(".new.safetensors"))
    os.replace(file.with_suffix(".new.safetensors"), file)
    return file


def body_of(count: int = 1, name: str = "x") -> dict[str, Any]:
    return {"rows": [{name: row} for row in X[:count].tolist()]}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("life") / "net.safetensors", 1)


class Clients:
    """Threads that send requests, each over one connection, until they are stopped."""

    def __init__(self, server: ServerProcess, count: int) -> None:
        self.server, self.is_stopped = server, False
        self.statuses: list[int] = []
        self.errors: list[str] = []
        self.bodies: set[bytes] = set()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self) -> None:
        body = json.dumps(body_of())
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        while not self.is_stopped:
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                self.bodies.add(response.read())
                self.statuses.append(response.status)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                connection.close()
        connection.close()

    def stop(self) -> None:
        self.is_stopped = True
        for thread in self.threads:
            thread.join()


@contextmanager
def clients(server: ServerProcess, count: int = 3) -> Iterator[Clients]:
    running = Clients(server, count)
    try:
        yield running
    finally:
        running.stop()


def wait_for(server: ServerProcess, event: str, count: int = 1) -> None:
    """Wait until the log contains ``count`` lines with an event."""
    end = time.monotonic() + 60
    while sum(line.get("event") == event for line in server.log) < count:
        assert time.monotonic() < end, server.lines[-5:]
        time.sleep(0.02)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_reload_loses_no_request(file: Path, tmp_path: Path, workers: int) -> None:
    run = Path(shutil.copy(file, tmp_path / "net.safetensors"))
    with running_server(f"net={run}", "--no-token", "--workers", workers) as server:
        with clients(server) as sent:
            before = server.request("GET", "/v2/models/net", token=None).json["properties"]["digest"]
            save_model(run, 2)
            assert server.request("POST", "/reload", token=None).status == 202
            wait_for(server, "reloaded")
            end = time.monotonic() + 30
            while server.request("GET", "/v2/models/net", token=None).json["properties"]["digest"] == before:
                assert time.monotonic() < end
            run.write_bytes(b"damaged")
            server.process.send_signal(signal.SIGHUP)
            wait_for(server, "reload failed")
            assert server.request("POST", "/predict", body_of(), token=None).status == 200
        assert server.stop() == 0
    assert (set(sent.statuses), sent.errors) == ({200}, [])
    assert len(sent.bodies) == 2  # the predictions of both models


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_requests_are_completed_when_the_server_stops(file: Path, workers: int) -> None:
    with running_server(f"net={file}", "--no-token", "--workers", workers, "--batch-delay", 1000) as server:
        results: list[int] = []

        def predict() -> None:
            results.append(server.request("POST", "/predict", body_of(), token=None).status)

        threads = [threading.Thread(target=predict) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.4)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        if workers == 1:  # of several, each stops after its own requests
            ready, live, other = (
                server.request(method, path, body, token=None)
                for method, path, body in (
                    ("GET", "/v2/health/ready", None),
                    ("GET", "/v2/health/live", None),
                    ("POST", "/predict", body_of()),
                )
            )
            assert (ready.status, live.status, other.status) == (503, 200, 503)
            assert other.headers["retry-after"] == "1"
            assert {r.headers["connection"] for r in (ready, live, other)} == {"close"}
        assert server.process.wait(60) == 0
        for thread in threads:
            thread.join()
        assert results == [200] * 4
        with pytest.raises(ConnectionRefusedError):
            server.request("GET", "/v2", token=None)


@pytest.mark.long
def test_a_worker_that_fails_is_replaced(file: Path) -> None:
    with running_server(f"net={file}", "--no-token", "--workers", 2) as server:
        wait_for(server, "ready", 2)
        worker = next(line["process"] for line in server.log if line["event"] == "ready")
        os.kill(worker, signal.SIGKILL)
        wait_for(server, "ready", 3)
        assert server.request("POST", "/predict", body_of(), token=None).status == 200
        assert server.stop() == 0


@pytest.mark.long
def test_requests_beyond_the_queue_are_refused(file: Path) -> None:
    words = ["--no-token", "--queue-rows", 2, "--batch-rows", 2, "--batch-delay", 300]
    with running_server(f"net={file}", *words) as server:
        responses: list[Any] = []

        def ask() -> None:
            responses.append(server.request("POST", "/predict", body_of(2), token=None))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = [response.status for response in responses]
        assert set(statuses) <= {200, 429}
        assert 200 in statuses
        for response in responses:
            assert response.status == 200 or int(response.headers["retry-after"]) >= 1
        assert server.request("POST", "/predict", body_of(2), token=None).status == 200


@pytest.mark.long
def test_bounds_of_bodies_and_times(file: Path) -> None:
    words = ["--no-token", "--max-body", 1024, "--timeout", 0.2, "--batch-delay", 1000]
    with running_server(f"net={file}", *words) as server:
        assert server.request("POST", "/predict", body_of(), token=None).status == 504
        refused = server.request("POST", "/predict", body_of(60), token=None)
        assert (refused.status, refused.json["code"]) == (413, "too_large")
        chunked = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        chunked += b"Transfer-Encoding: chunked\r\n\r\n" + 3 * (b"200\r\n" + b" " * 512 + b"\r\n")
        assert server.send(chunked + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")
        assert server.request("GET", "/v2/health/ready", token=None).status == 200
        assert not [line for line in server.log if "traceback" in line]


@pytest.mark.long
def test_versions_of_a_model(file: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other.safetensors", 3)
    with running_server(f"plants={file}", f"plants={other}", f"second={other}", "--no-token") as server:
        assert server.request("GET", "/v2/models/plants", token=None).json["versions"] == ["1", "2"]
        first, latest, default, second = (
            server.request("POST", f"/predict?model={query}", body_of(), token=None).json["predictions"]
            for query in ("plants&version=1", "plants&version=2", "plants", "second")
        )
        assert default == latest == second != first
        assert server.request("POST", "/predict", body_of(), token=None).status == 400
        for path in ("/predict?model=plants&version=3", "/v2/models/plans/infer"):
            refused = server.request("POST", path, body_of(), token=None)
            assert refused.status == 404
            assert "plants/versions/1, plants/versions/2, second/versions/1" in refused.json["error"]


def is_reached(server: ServerProcess) -> bool:
    """Whether a process still accepts connections."""
    try:
        return server.request("GET", "/v2", token=None).status == 200
    except OSError:
        return False


@pytest.mark.long
@pytest.mark.parametrize("engine", ["native", "xla"])
def test_workers_predict_rows_of_a_table(small_run: Path, engine: str) -> None:
    if engine == "xla":
        pytest.importorskip("jax")
    model = Model.load(small_run / "model.safetensors")
    assert model.preparation is not None
    frame = read_table("iris").frame.select(model.preparation.columns).gather_every(30)
    expected = model.predict_frame(frame)["prediction"].to_list()
    with running_server(f"iris={small_run}", "--no-token", "--workers", 2, "--engine", engine) as server:
        for _ in range(6):
            response = server.request("POST", "/predict", {"rows": frame.to_dicts()}, token=None)
            assert [record["prediction"] for record in response.json["predictions"]] == expected
        for _ in range(4):  # each worker returns the sums of all
            lines = server.request("GET", "/metrics", token=None).body.decode().splitlines()
            assert f'chainrule_rows_total{{model="iris",version="1"}} {6.0 * frame.height}' in lines
        os.kill(server.process.pid, signal.SIGKILL)  # the workers end, too
        end = time.monotonic() + 30
        while is_reached(server):
            assert time.monotonic() < end


def refused(*words: object) -> str:
    """The error of a server that does not start; it must be a sentence."""
    command = [sys.executable, "-c", MAIN, "serve", *map(str, words)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (process.returncode, process.stdout) == (2, "")
    assert "Traceback" not in process.stderr
    return process.stderr


@pytest.mark.long
def test_a_log_on_a_full_disk_stops_nothing(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", MAIN, "serve", f"net={file}", "--no-token", "--port", str(port)]
    with open("/dev/full", "w") as log, subprocess.Popen(command, stderr=log, text=True) as process:
        server, end = ServerProcess(process, port), time.monotonic() + 120
        while not is_reached(server):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        assert server.request("POST", "/predict", body_of(), token=None).status == 200
        assert server.stop() == 0


@pytest.mark.long
def test_a_body_of_gigabytes_is_refused_by_its_head(file: Path) -> None:
    with running_server(f"net={file}", "--no-token") as server:
        head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for length in (2 << 30, 1 << 60):
            response = server.send(f"{head}Content-Length: {length}\r\n\r\n".encode() + b" " * 4096)
            assert response.startswith(b"HTTP/1.1 413 "), response[:200]
            assert b"connection: close" in response.lower()
        assert server.request("POST", "/predict", body_of(), token=None).status == 200


@pytest.mark.long
def test_a_server_that_cannot_start_states_what_to_do(file: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        text = refused(f"net={file}", "--port", port)
        assert "E621" in text
        assert f"--port {port + 1}" in text
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(file.read_bytes()[:-7])
    assert "E4" in refused(damaged, "--port", 0)
    (tmp_path / "unfinished" / "checkpoints").mkdir(parents=True)
    assert "E610" in refused(tmp_path / "unfinished", "--port", 0)
    own = tmp_path / "own.safetensors"
    model = Model(cr.Sequential(Doubled(), cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    model.fit(X, (X[:, 0] > 0).astype(int), epochs=1, verbose=False)
    model.save(own)
    text = refused(own, "--port", 0)
    assert "Doubled" in text
    assert "E601" in refused(file, "--host", "0.0.0.0", "--no-token", "--port", 0)
    (tmp_path / "token").write_text("short")
    assert "E623" in refused(file, "--token-file", tmp_path / "token", "--port", 0)


def parts_of(content: bytes) -> list[tuple[dict[bytes, bytes], bytes]]:
    """Headers and body of each response of a connection."""
    responses = []
    while content:
        head, _, content = content.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
        headers = {name.lower(): value for name, _, value in lines}
        assert len(headers) == len(lines)
        length = int(headers[b"content-length"])
        responses.append((headers, content[:length]))
        content = content[length:]
    return responses


@pytest.mark.long
def test_responses_of_one_connection_have_the_same_headers(file: Path) -> None:
    content = json.dumps(body_of()).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = head + b"Content-Length: %d\r\n" % len(content)
    with running_server(f"net={file}", "--no-token") as server:
        first, second, last = parts_of(
            server.send(2 * (request + b"\r\n" + content) + request + b"Connection: close\r\n\r\n" + content)
        )
        described_by = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        described = server.send(described_by)
        without_body = server.send(described_by.replace(b"GET", b"HEAD"))
    assert json.loads(first[1])["predictions"] == json.loads(last[1])["predictions"]
    assert first[0].keys() == second[0].keys() == last[0].keys() - {b"connection"}
    assert {b"date", b"x-request-id", b"content-security-policy"} <= first[0].keys()
    assert len({part[0][b"x-request-id"] for part in (first, second, last)}) == 3
    assert without_body.endswith(b"\r\n\r\n")
    assert b"content-length: " + str(len(parts_of(described)[0][1])).encode() in without_body
