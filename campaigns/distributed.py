"""Trainings of several processes and devices: equal bits, and what happens when a process is lost.

    python -m campaigns.distributed digests              1x1, 1x2, 1x4, 2x1, 2x2 processes x devices
    python -m campaigns.distributed faults --times 20    kill or stop one of two processes, then resume
    python -m campaigns.distributed machines             the commands of docs/xla.md for two machines (root)
    python -m campaigns.distributed partition --times 3  disconnect two network namespaces, then resume (root)
    python -m campaigns.distributed slow                 slow down a process, which is named

``digests`` trains a network with dropout for 50 steps, whose last batch of an epoch is smaller, and prints
the SHA-256 of its parameters. ``faults`` sends SIGKILL, and every fourth time SIGSTOP, to a process of a
training at a random instant, measures the time until the command ends, resumes, every other time with one
process, and compares the bits with those of a training without a fault. ``machines`` runs the commands of
docs/xla.md for two machines, each in a network namespace and a folder of its own; as on many systems, the
name of the first one is there an address of the loopback interface. ``partition`` takes the link between the
two down. ``slow`` stops one of two processes for 80 of every 100 milliseconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import chainrule as cr
from chainrule.apps.cli.process_supervisor import VARIABLE

PLACES = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2))
MAIN = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
TRAIN = ("--engine", "xla", "--net", "16 relu, dropout 0.3", "--batch-size", "20", "--patience", "0")
LIMIT_SECONDS, SLOW_LIMIT_SECONDS = 30, 180


def _start(words: Sequence[str], folder: Path, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    command = [*prefix, sys.executable, "-c", MAIN, *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def _finished(words: Sequence[str], folder: Path) -> str:
    """Return the output of a command; exits if it fails."""
    process = _start(words, folder)
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(f"{' '.join(words)}: exit code {process.returncode}\n{output}")
    return output


def _train(run: str, epochs: int, processes: int, devices: int) -> list[str]:
    words = ["train", "iris", "--out", run, *TRAIN, "--epochs", str(epochs), "--devices", str(devices)]
    return [*words, "--processes", str(processes)] if processes > 1 else words


def digest(run: Path) -> str:
    """Return the SHA-256 of the parameters of a run."""
    total = hashlib.sha256()
    for name, array in sorted(cr.load(run / "model.safetensors").parameters().items()):
        total.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def digests(folder: Path, epochs: int) -> bool:
    """Print the digest for each number of processes and devices; returns whether all are equal."""
    values = []
    for processes, devices in PLACES:
        run = f"{processes}x{devices}"
        _finished(_train(run, epochs, processes, devices), folder)
        values.append(digest(folder / run))
        print(f"{run}           {values[-1]}", flush=True)
    return len(set(values)) == 1


def _members(command: subprocess.Popen[str]) -> dict[int, int]:
    """Return the processes of a training that a command supervises: their system numbers by number."""
    members = {}
    with suppress(FileNotFoundError):  # it has ended
        for child in Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split():
            variables = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
            places = [text.rsplit(" ", 3) for text in variables if text.startswith(f"{VARIABLE}=")]
            members |= {int(number): int(child) for _, number, _, _ in places}
    return members


def _kill_members(command: subprocess.Popen[str]) -> None:
    """Kill the processes of a training; the command then ends."""
    for process in _members(command).values():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def fault(folder: Path, number: int, expected: str, epochs: int, sent: signal.Signals) -> tuple[float, str]:
    """Send a signal to one of two processes, resume; returns the seconds to the end, and what went wrong."""
    run = f"fault-{number}"
    process = _start(_train(run, epochs, 2, 1), folder)
    _await_checkpoint([process], folder / run)
    members = list(_members(process).values())
    if not members:
        process.communicate()
        return 0.0, "ended before the fault"
    os.kill(random.choice(members), sent)
    start = time.monotonic()
    output, _ = process.communicate()
    seconds = time.monotonic() - start
    if process.returncode != 1 or "E631" not in output or "--resume" not in output:
        return seconds, f"exit code {process.returncode}: {output[-600:]}"
    several = ["--devices", "1", *(["--processes", "2"] if number % 2 else [])]
    _finished(["train", "iris", "--out", run, "--resume", "--engine", "xla", *several], folder)
    return seconds, "" if digest(folder / run) == expected else "other bits after the resume"


def faults(folder: Path, times: int, epochs: int) -> bool:
    """Print the result of each fault; returns whether every training was resumed in time."""
    _finished(_train("whole", epochs, 1, 1), folder)
    expected, passed = digest(folder / "whole"), 0
    for number in range(times):
        sent = signal.SIGSTOP if number % 4 == 3 else signal.SIGKILL
        seconds, problem = fault(folder, number, expected, epochs, sent)
        is_good = not problem and seconds <= LIMIT_SECONDS
        passed += is_good
        result = problem or f"resumed with {1 + number % 2} processes and equal bits"
        print(f"{number:>3} {sent.name} {seconds:5.1f} s {result}", flush=True)
    print(f"{passed} of {times}")
    return passed == times


class Machines:
    """Two network namespaces with a link between them; they need root, and ``ip`` of iproute2."""

    names = tuple(f"chainrule-{os.getpid()}-{number}" for number in range(2))
    links = tuple(f"cr{os.getpid()}.{number}" for number in range(2))
    addresses = "10.77.0.1", "10.77.0.2"

    def __enter__(self) -> Machines:
        for name, own in zip(self.names, ("127.0.1.1", self.addresses[0]), strict=True):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
            place = Path("/etc/netns", name)  # replaces files of /etc in the namespace
            place.mkdir(parents=True)
            (place / "hosts").write_text(f"127.0.0.1 localhost\n{own} first\n")
        _ip("link", "add", self.links[0], "type", "veth", "peer", "name", self.links[1])
        for name, link, address in zip(self.names, self.links, self.addresses, strict=True):
            _ip("link", "set", link, "netns", name)
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", link)
        self.connect("up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            _ip("netns", "delete", name)
            shutil.rmtree(Path("/etc/netns", name))

    def connect(self, state: str) -> None:
        """Set the link ``up``, with a default route, or ``down``."""
        places = zip(self.names, self.links, reversed(self.addresses), strict=True)
        for name, link, other in places:
            _ip("-n", name, "link", "set", link, state)
            if state == "up":
                _ip("-n", name, "route", "replace", "default", "via", other)

    def start(self, number: int, words: Sequence[str], folder: Path) -> subprocess.Popen[str]:
        """Start a command on one of the two."""
        return _start(words, folder, ("ip", "netns", "exec", self.names[number]))

    def start_both(self, words: Sequence[str], folders: Sequence[Path]) -> list[subprocess.Popen[str]]:
        """Start a training with ``--processes 2`` on both, each in a folder of its own."""
        return [
            self.start(number, [*words, "--process", str(number), "--coordinator", "first:29500"], folder)
            for number, folder in enumerate(folders)
        ]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def commands_of_page() -> list[list[str]]:
    """Return the words after ``chainrule`` of the two commands for two machines in docs/xla.md."""
    text = (Path(__file__).parents[1] / "docs" / "xla.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(first|second)\$ +chainrule (.+)$", text, re.MULTILINE)
    return [shlex.split(words) for machine in ("first", "second") for name, words in lines if name == machine]


def machines(folder: Path) -> bool:
    """Run the commands of the page on two machines; returns whether both end and the first has the result."""
    rows = np.random.default_rng(0).normal(size=(200, 3))
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a * b > 0 else 'no'}" for a, b, c in rows]
    commands, small = commands_of_page(), ("--net", "8 relu", "--epochs", "3", "--quick")
    assert len(commands) == 2
    with Machines() as both:
        started = []
        for number, words in enumerate(commands):
            own = folder / str(number)
            own.mkdir()
            (own / "data.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
            started.append(both.start(number, [*words, *small, "--out", "run"], own))
        outputs = [process.communicate()[0] for process in started]
    is_good = [process.returncode for process in started] == [0, 0]
    is_good &= (folder / "0" / "run" / "model.safetensors").exists() and not (folder / "1" / "run").exists()
    is_good &= outputs[1] == ""
    for words, output in zip(commands, outputs, strict=True):
        print(f"$ chainrule {shlex.join(words)}\n{output[-300:]}", flush=True)
    print("both ended, and the first has the result" if is_good else "failed")
    return is_good


def _await_checkpoint(processes: Sequence[subprocess.Popen[str]], run: Path) -> None:
    """Wait for the first checkpoint, and a random time of up to three seconds."""
    checkpoints = run / "checkpoints"
    while all(process.poll() is None for process in processes):
        if checkpoints.is_dir() and any(checkpoints.iterdir()):
            break
        time.sleep(0.05)
    time.sleep(random.random() * 3)


def partitions(folder: Path, times: int, epochs: int) -> bool:
    """Print the result of each interrupted link; returns whether both machines noticed it in time."""
    _finished(_train("whole", epochs, 1, 1), folder)
    expected, passed = digest(folder / "whole"), 0
    folders = [folder / name for name in ("first", "second")]
    for own in folders:
        own.mkdir()
    with Machines() as machines:
        for number in range(times):
            run = f"run-{number}"
            processes = machines.start_both(_train(run, epochs, 2, 1), folders)
            _await_checkpoint(processes, folders[0] / run)
            machines.connect("down")
            start, seconds, problems = time.monotonic(), [], []
            for process in processes:
                output, _ = process.communicate()
                seconds.append(time.monotonic() - start)
                if process.returncode != 1 or "E631" not in output or "--resume" not in output:
                    problems.append(f"exit code {process.returncode}: {output[-600:]}")
            machines.connect("up")
            if (folders[0] / run).is_dir():
                shutil.copytree(folders[0] / run, folders[1] / run)
            words = ["train", "iris", "--out", run, "--resume", "--engine", "xla", "--devices", "1"]
            for process in machines.start_both([*words, "--processes", "2"], folders):
                output, _ = process.communicate()
                if process.returncode:
                    problems.append(f"not resumed: {output[-600:]}")
            if not problems and digest(folders[0] / run) != expected:
                problems.append("other bits after the resume")
            is_good = not problems and max(seconds) <= LIMIT_SECONDS
            passed += is_good
            result = "; ".join(problems) or "resumed with equal bits"
            print(f"{number:>3} link down {max(seconds):5.1f} s {result}", flush=True)
    print(f"{passed} of {times}")
    return passed == times


def _slow_down(process: int, ended: threading.Event) -> None:
    """Stop a process for 80 of every 100 milliseconds until an event.

    Raises:
        ProcessLookupError: the process has ended. TimeoutError: the event did not happen in time.
    """
    end = time.monotonic() + SLOW_LIMIT_SECONDS
    while not ended.wait(0.02):
        if time.monotonic() > end:
            raise TimeoutError(f"no process was named within {SLOW_LIMIT_SECONDS} s")
        os.kill(process, signal.SIGSTOP)
        time.sleep(0.08)
        os.kill(process, signal.SIGCONT)


def slow(folder: Path, epochs: int) -> bool:
    """Print the notice of a training with a process that is slowed down; returns whether it names it."""
    process = _start(_train("slow", epochs, 2, 1), folder)
    _await_checkpoint([process], folder / "slow")
    slowed, ended, start = _members(process).get(1), threading.Event(), time.monotonic()
    if not slowed or process.stdout is None:
        _kill_members(process)
        sys.exit(f"the training ended before it was slowed down: {process.communicate()[0][-600:]}")
    with ThreadPoolExecutor(1) as pool:
        slowing = pool.submit(_slow_down, slowed, ended)
        slowing.add_done_callback(lambda _: _kill_members(process))  # the output then ends
        notice = next((line.strip() for line in process.stdout if "is slow" in line), "")
        seconds = time.monotonic() - start
        ended.set()
    process.communicate()
    problem = slowing.exception()
    print(f"after {seconds:.0f} s: {notice or f'no notice ({problem})'}")
    return "process 1 of 2" in notice


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", choices=("digests", "faults", "machines", "partition", "slow"))
    parser.add_argument("--times", type=int, default=20, help="number of faults")
    parser.add_argument(
        "--epochs", type=int, default=0, help="of digests 10, of partition 400, of faults 3000"
    )
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        if chosen.part == "digests":
            is_good = digests(Path(folder), chosen.epochs or 10)
        elif chosen.part == "machines":
            is_good = machines(Path(folder))
        elif chosen.part == "partition":
            is_good = partitions(Path(folder), chosen.times, chosen.epochs or 400)
        elif chosen.part == "slow":
            is_good = slow(Path(folder), chosen.epochs or 300_000)
        else:
            is_good = faults(Path(folder), chosen.times, chosen.epochs or 3000)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
