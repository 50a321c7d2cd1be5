"""What a server costs: ``chainrule serve`` beside a bare Starlette application, LitServe and MLServer.

All serve the same network (30 numbers, two layers of 64 units, 2 classes) by one process on this machine, one
row of JSON a request, over connections that stay open. *Bare* parses the JSON, calls ``model.predict_proba``
and writes JSON, without checks, limits, batches, counters or a log. The others load the network as the NumPy
program that ``model.export`` writes, by the Python of other environments (``--litserve``,
``--mlserver``). A RUN of a table of 30 numbers is beside a bare application, too, which has no novelty gate.

All servers run, and are measured in turn, in short rounds; a figure is the median of all rounds. Processor
time of the server per request depends on other programs of the machine least, and its ratio to that of the
bare application in the same round less still. The client is one more process.

    python -m benchmarks.serving --litserve x/bin/python --mlserver y/bin/python
    python -m benchmarks.serving --soak 10     # minutes at 80 % of the throughput: memory and errors
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import chainrule as cr

PEERS = Path(__file__).parent / "peers"
WIDTH, ROWS = 30, 256
TABLE, MODEL = "breast-cancer", "model.safetensors"
CONNECTIONS = 16
LOAD = 0.8
BARE, BARE_TABLE = "bare Starlette", "bare Starlette, table"
PROCESSOR = "µs of processor"
PAGE = os.sysconf("SC_PAGE_SIZE")
COMMAND = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"


@dataclass
class Contender:
    """A server that is measured.

    Args:
        name: in the table.
        command: starts it; ``{port}`` is replaced.
        path: of a request.
        body: of a request.
        base: the name of the bare server that it is compared with.
        readings: of each measure.
    """

    name: str
    command: list[str]
    path: str
    body: bytes
    base: str = BARE
    readings: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Load:
    """What clients measured.

    Args:
        seconds: of each response, from the moment at which its request was due.
        responses: the same from the moment at which it was sent, which is later after a backlog.
        failures: responses of another status than 200, and connections that ended.
        duration: seconds of the measure.
    """

    seconds: list[float] = field(default_factory=list)
    responses: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    duration: float = 0.0


def contenders(folder: Path, options: argparse.Namespace) -> list[Contender]:
    """Train the network, save and export it; returns the servers."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, WIDTH)).astype(np.float32)
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dense(64, "relu"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.01))
    model.fit(x, np.arange(ROWS) % 2, epochs=1, verbose=False)
    model.save(folder / "net.safetensors")
    model.export(folder / "net.py")
    row = [round(float(value), 4) for value in x[0]]
    tensor = {"name": "x", "shape": [1, WIDTH], "datatype": "FP32", "data": row}
    rows = json.dumps({"rows": [{"x": row}]}).encode()
    inference = json.dumps({"inputs": [tensor]}).encode()
    model_file = str(folder / "net.safetensors")
    serve = [sys.executable, "-c", COMMAND, "serve", model_file, "--no-token", "--port", "{port}"]
    bare = [sys.executable, str(PEERS / "starlette_echo.py"), model_file, "{port}"]
    servers = [
        Contender(BARE, bare, "/", rows),
        Contender("chainrule serve, rows", serve, "/predict", rows),
        Contender("chainrule serve, tensors", serve, "/v2/models/net/infer", inference),
        *table_contenders(folder),
    ]
    if options.litserve:
        command = [options.litserve, str(PEERS / "litserve_server.py"), str(folder), "{port}"]
        servers.append(Contender("LitServe", command, "/predict", rows))
    if options.mlserver:
        command = [options.mlserver, str(PEERS / "mlserver_server.py"), str(folder), "{port}"]
        servers.append(Contender("MLServer", command, "/v2/models/net/infer", inference))
    return servers


def table_contenders(folder: Path) -> list[Contender]:
    """Train the default of a table; returns the bare server and ours."""
    run, python = str(folder / "run"), [sys.executable, "-c", COMMAND]
    subprocess.run([*python, "train", TABLE, "--quick", "--out", run], check=True, stdout=subprocess.DEVNULL)
    table = cr.read_table(TABLE)
    inputs = [name for name in table.columns if name != table.target]
    rows = json.dumps({"rows": table.frame.select(inputs).head(1).to_dicts()}).encode()
    bare = [sys.executable, str(PEERS / "starlette_echo.py"), f"{run}/{MODEL}", "{port}", "table"]
    serve = [*python, "serve", run, "--no-token", "--port", "{port}"]
    return [
        Contender(BARE_TABLE, bare, "/", rows, BARE_TABLE),
        Contender("chainrule serve, table", serve, "/predict", rows, BARE_TABLE),
    ]


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def running(contender: Contender) -> Iterator[tuple[int, int]]:
    """Start a server; yields its process and port when it predicts."""
    port = free_port()
    command = [word.replace("{port}", str(port)) for word in contender.command]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_until_ready(contender, process, port)
        yield process.pid, port
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def wait_until_ready(contender: Contender, process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a request succeeds."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            load = asyncio.run(send_requests(contender, port, 1, count=1))
        except OSError:
            time.sleep(0.3)
            continue
        if load.seconds and not load.failures:
            return
        time.sleep(0.3)
    raise SystemExit(f"{contender.name} does not respond: {' '.join(contender.command)}")


async def send_requests(
    contender: Contender,
    port: int,
    connections: int,
    *,
    seconds: float = 0.0,
    count: int = 0,
    frequency: float = 0.0,
) -> Load:
    """Send requests over some connections, each as soon as the response before arrived, or at a frequency.

    Args:
        seconds: of the measure; or ``count`` requests of each connection.
        frequency: requests a second, of all connections together; then the time of a response counts from the
            moment at which its request was due.
    """
    load = Load()
    head = f"POST {contender.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(contender.body)}\r\n\r\n".encode() + contender.body
    begin = time.perf_counter()

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        while not sent or (sent < count if count else time.perf_counter() < begin + seconds):
            due = time.perf_counter()
            if frequency:
                due = begin + (sent * connections + number) / frequency
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            start = time.perf_counter()
            writer.write(request)
            status = await read_response(reader)
            end = time.perf_counter()
            load.seconds.append(end - due)
            load.responses.append(end - start)
            if status != b"200":
                load.failures.append(status.decode())
            sent += 1
        writer.close()

    results = await asyncio.gather(*map(client, range(connections)), return_exceptions=True)
    load.failures += [repr(result) for result in results if isinstance(result, Exception)]
    load.duration = time.perf_counter() - begin
    return load


async def read_response(reader: asyncio.StreamReader) -> bytes:
    """Return the status of a response, after its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return head[9:12]


def family(process: int) -> list[int]:
    """Return a process and all that it started."""
    processes, place = [process], 0
    while place < len(processes):
        for task in Path(f"/proc/{processes[place]}/task").glob("*/children"):
            processes += [int(word) for word in task.read_text().split()]
        place += 1
    return processes


def processor_seconds(process: int) -> float:
    """Return the processor time of a process and its children."""
    tasks = [task for number in family(process) for task in Path(f"/proc/{number}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def megabytes(process: int) -> float:
    """Return the memory of a process and its children."""
    pages = sum(int(Path(f"/proc/{n}/statm").read_text().split()[1]) for n in family(process))
    return pages * PAGE / 1e6


def measure(contender: Contender, process: int, port: int, seconds: float) -> None:
    """Add a reading of each measure."""
    readings = contender.readings
    for connections in (1, CONNECTIONS):
        before = processor_seconds(process)
        load = asyncio.run(send_requests(contender, port, connections, seconds=seconds))
        used = processor_seconds(process) - before
        if load.failures:
            raise SystemExit(f"{contender.name}: {load.failures[:3]}")
        name = f"{connections} connections" if connections > 1 else "1 connection"
        p99 = float(np.percentile(load.seconds, 99))
        values = {
            PROCESSOR: used / len(load.seconds) * 1e6,
            "requests/s": len(load.seconds) / load.duration,
            "p99 ms": p99 * 1e3,
        }
        for unit, value in values.items():
            readings.setdefault(f"{name}: {unit}", []).append(value)
    readings.setdefault("memory MB", []).append(megabytes(process))


def print_table(servers: Sequence[Contender], console: Console) -> None:
    """Print the medians of all measures, and of the ratios to the first server."""
    rounds = len(servers[0].readings["memory MB"])
    table = Table(title=f"one row of {WIDTH} numbers a request, one process; medians of {rounds} rounds")
    table.add_column("server")
    for name in servers[0].readings:
        table.add_column(name, justify="right")
    for contender in servers:
        medians = [statistics.median(values) for values in contender.readings.values()]
        table.add_row(
            contender.name, *[f"{value:,.2f}" if value < 10 else f"{value:,.0f}" for value in medians]
        )
    console.print(table)
    bare = {contender.name: contender for contender in servers if contender.name == contender.base}
    for name in servers[0].readings:
        if PROCESSOR in name:
            ratios = [
                f"{other.name} {_ratio(other.readings[name], bare[other.base].readings[name])}"
                for other in servers
                if other.name not in bare
            ]
            console.print(f"{name} beside bare: " + "; ".join(ratios))


def _ratio(values: Sequence[float], others: Sequence[float]) -> str:
    """Return the median of the ratios of rounds, with the quarter below and above it."""
    ratios = [value / other for value, other in zip(values, others, strict=True)]
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def soak(contender: Contender, minutes: float, share: float, console: Console) -> bool:
    """Send requests at a share of the throughput; returns whether memory was flat and nothing failed."""
    with running(contender) as (process, port):
        asyncio.run(send_requests(contender, port, CONNECTIONS, seconds=5))
        full = asyncio.run(send_requests(contender, port, CONNECTIONS, seconds=5))
        frequency = share * len(full.seconds) / full.duration
        memory, failures, seconds, responses = [megabytes(process)], [], [], []
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            load = asyncio.run(send_requests(contender, port, CONNECTIONS, seconds=10, frequency=frequency))
            failures += load.failures
            seconds += load.seconds
            responses += load.responses
            memory.append(megabytes(process))
    half = len(memory) // 2
    growth = statistics.median(memory[half:]) - statistics.median(memory[:half])
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    sent = np.percentile(responses, 99) * 1e3
    console.print(
        f"{minutes:g} minutes, {len(seconds):,} requests at {frequency:,.0f}/s: {len(failures)} failures, "
        f"p50 {p50:.2f} ms, p99 {p99:.2f} ms after a request is due, {sent:.2f} ms after it is sent, memory "
        f"{memory[0]:.1f} MB at first, {memory[-1]:.1f} MB at last, second half {growth:+.1f} MB"
    )
    return not failures and growth < 0.01 * memory[0] + 1.0


def compare(servers: Sequence[Contender], rounds: int, seconds: float) -> None:
    """Measure all servers, which run at the same time, in turn."""
    with ExitStack() as stack:
        places = [stack.enter_context(running(contender)) for contender in servers]
        for contender, (_, port) in zip(servers, places, strict=True):
            asyncio.run(send_requests(contender, port, CONNECTIONS, count=30))
        for _ in range(rounds):
            for contender, (process, port) in zip(servers, places, strict=True):
                measure(contender, process, port, seconds)


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; exit with 1 if the long measure failed."""
    parser = argparse.ArgumentParser("python -m benchmarks.serving", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--litserve", metavar="PYTHON", help="with litserve and numpy")
    parser.add_argument("--mlserver", metavar="PYTHON", help="with mlserver and numpy")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measure")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--load", type=float, default=LOAD, help="share of the throughput, for --soak")
    options = parser.parse_args(words)
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as name:
        servers = contenders(Path(name), options)
        if options.soak:
            return 0 if soak(servers[1], options.soak, options.load, console) else 1
        compare(servers, options.rounds, options.seconds)
        print_table(servers, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
