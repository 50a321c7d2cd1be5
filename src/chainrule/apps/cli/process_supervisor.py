"""Trainings of several processes: a supervisor starts them, and reports which one failed.

The runtime of JAX aborts a process that loses another one, from C++ and with messages of its own. So the
command that a user starts only supervises: it starts one process for each number that belongs to this
machine, and ends all of them when one fails. The first process prints; the others write to a temporary folder
and print nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import FrameType
from typing import IO, Any, NamedTuple, NoReturn

from chainrule.errors import TrainingError, UsageError, fact
from chainrule.escaping import printable_lines
from chainrule.ops.batch_axis import SHARDS
from chainrule.optional_dependency import missing
from chainrule.settings import settings
from chainrule.train.interrupt import SIGNALS

VARIABLE = "CHAINRULE_PROCESS"
"""Set for a supervised process: the file that it creates once it has joined, its number, the number of
processes, and the address; the address ``auto`` means that a scheduler states them."""
MEMBER = """import sys
from chainrule.apps.cli.main import main
from chainrule.apps.cli.process_supervisor import leave
leave(main(sys.argv[1:]))"""
LOST = 75  # exit code of a process that lost the connection to another one
POLL_SECONDS, GRACE_SECONDS = 0.05, 8
PRINT_SECONDS = 3  # in which the first process states its error
LEAVE_SECONDS = 5  # in which other processes state the same error
JOIN_SECONDS = 60  # in which all processes must connect
SCHEDULERS = (
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("TPU_WORKER_ID", "TPU_WORKER_HOSTNAMES"),
)
"""Environment variables of schedulers that JAX supports: the number of a process, and how many there are."""


class Processes(NamedTuple):
    """The processes of a training.

    Args:
        total: how many there are.
        number: the one of this machine, from 0; ``None``: all are of this machine.
        address: HOST:PORT on which the first one listens.
    """

    total: int
    number: int | None = None
    address: str = ""

    @staticmethod
    def of(
        count: int | None, number: int | None, address: str | None, engine: str | None
    ) -> Processes | None:
        """Return the processes that options ask for, or a scheduler; ``None``: this process alone.

        Raises:
            UsageError E601: options that contradict each other. E102: a number of processes among which the
                eight shards of the deterministic mode cannot be divided.
        """
        name = engine or settings.engine
        if count is None and number is None and address is None:
            return scheduled(os.environ) if name == "xla" else None
        require_xla("--processes", engine)
        if count is None or (number is None) != (address is None):
            option = "--coordinator" if number is None else "--process"
            fix = f"--processes {count or 2} --process {number or 0} --coordinator {address or 'HOST:29500'}"
            raise _refused(option, fact("needs --processes, --process and --coordinator"), fix)
        _check_count(count)
        if number is not None and not 0 <= number < count:
            raise _refused("--process", fact("is a number from 0 to --processes - 1"), "--process 0")
        if address is not None and not _is_address(address):
            raise _refused("--coordinator", fact("is HOST:PORT of process 0"), "--coordinator HOST:29500")
        return Processes(count, number, address or "") if count > 1 else None

    @property
    def own(self) -> Sequence[int]:
        """The numbers of the processes of this machine."""
        return range(self.total) if self.number is None else [self.number]

    @property
    def options(self) -> str:
        """The options that start the processes of this machine again.

        Example:
            >>> Processes(2, 1, "first:29500").options
            '--processes 2 --process 1 --coordinator first:29500'
        """
        if self.address == "auto":
            return ""
        own = "" if self.number is None else f" --process {self.number} --coordinator {self.address}"
        return f"--processes {self.total}{own}"

    @property
    def writes(self) -> bool:
        """Whether the first process, which writes the run folder, is one of this machine."""
        return 0 in self.own


def scheduled(variables: Mapping[str, str]) -> Processes | None:
    """Return the process of a scheduler that runs this program, or ``None``.

    Example:
        >>> scheduled({"SLURM_PROCID": "1", "SLURM_NTASKS": "4"})
        Processes(total=4, number=1, address='auto')
        >>> scheduled({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"})
    """
    for number_name, total_name in SCHEDULERS:
        number, total = variables.get(number_name, ""), variables.get(total_name, "")
        if number.isdigit() and total:
            count = int(total) if total.isdigit() else len(total.split(","))
            _check_count(count)
            return Processes(count, int(number), "auto") if count > 1 else None
    return None


def require_xla(option: str, engine: str | None) -> None:
    """Raise E601 if the engine, by default that of the settings, is not the one that an option needs."""
    if (engine or settings.engine) != "xla":
        raise _refused(option, fact("needs the engine xla"), "--engine xla")


def _check_count(count: int) -> None:
    """Raise E102 for a number of processes below 1, or one that the deterministic mode cannot have."""
    is_divided = settings.parallel == "fast" or count < 1 or SHARDS % count == 0
    if count >= 1 and is_divided:
        return
    name = "--processes"
    expected = fact("an integer, at least {minimum}", minimum=1)
    if not is_divided:
        expected = fact("1, 2, 4 or 8 processes; any number with --parallel fast")
    fix = f"{name} 2" if is_divided else "--parallel fast"
    raise UsageError("E102", where=name, name=name, expected=expected, received=count, fix=fix)


def _is_address(text: str) -> bool:
    """Return whether a text is HOST:PORT.

    Example:
        >>> [_is_address(text) for text in ("first:29500", "[::1]:1", ":29500", "first", "first:99999")]
        [True, True, False, False, False]
    """
    host, _, port = text.rpartition(":")
    return bool(host.strip()) and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16


def _refused(option: str, problem: Any, fix: str) -> UsageError:
    return UsageError("E601", option=option, problem=problem, where=option, fix=fix)


def is_supervised() -> bool:
    """Return whether this process was started by a supervisor."""
    return VARIABLE in os.environ


def supervise(processes: Processes, words: Sequence[str], resume: str) -> int:
    """Start the processes of this machine, wait, and return the exit code of the training.

    Args:
        processes: the processes.
        words: the words after ``chainrule``.
        resume: the command that resumes the training.

    Raises:
        DataError E350: JAX is not installed. TrainingError E631: a process ended early.
    """
    if not _is_installed("jax"):
        raise missing("xla", 'engine="xla"')
    address = processes.address or f"127.0.0.1:{_free_port()}"
    children: dict[int, subprocess.Popen[bytes]] = {}
    with TemporaryDirectory() as folder, TemporaryFile() as errors, signals_passed_to(children):
        for number in processes.own:
            place = (str(Path(folder, "joined")), str(number), str(processes.total), address)
            children[number] = _start(place, words, errors if number > 0 else None)
        try:
            code, received = _wait(children, processes, errors)
        finally:
            _end(children)
        if received is None:
            return code
        if os.path.exists(Path(folder, "joined")):
            raise TrainingError("E631", where="--processes", received=received, fix=resume)
        raise not_connected(address, processes.total, received)


def not_connected(address: str, count: int, received: Any) -> TrainingError:
    """Return the error of processes that did not connect (E630)."""
    expected = fact("{count} processes that connect within {seconds} s", count=count, seconds=JOIN_SECONDS)
    fix = fact(
        "start process 0 on the machine of this address, and all processes within {seconds} s",
        seconds=JOIN_SECONDS,
    )
    return TrainingError("E630", where=address, expected=expected, received=received, fix=fix)


def _start(place: Sequence[str], words: Sequence[str], errors: IO[bytes] | None) -> subprocess.Popen[bytes]:
    """Start a process.

    Args:
        place: the words of ``VARIABLE``.
        words: the words after ``chainrule``.
        errors: receives what it prints as errors; ``None``: they are printed.
    """
    command = [sys.executable, "-c", MEMBER, *words]
    output = None if errors is None else subprocess.DEVNULL
    return subprocess.Popen(
        command, env={**os.environ, VARIABLE: " ".join(place)}, stdout=output, stderr=errors
    )


def _wait(
    children: Mapping[int, subprocess.Popen[bytes]], processes: Processes, errors: IO[bytes]
) -> tuple[int, Any]:
    """Wait until all have ended, or one has failed.

    Returns:
        the exit code; and how a process ended that stated no error of its own, or ``None``.
    """
    while True:
        codes = {number: child.poll() for number, child in children.items()}
        if any(codes.values()):
            break
        if None not in codes.values():
            return 0, None
        time.sleep(POLL_SECONDS)
    codes = _codes_of_failure(children)
    if 0 in children and codes[0] is None:  # after Ctrl-C all state the same, and the first one prints it
        with suppress(subprocess.TimeoutExpired):
            codes[0] = children[0].wait(PRINT_SECONDS)
    stated = {number: code for number, code in codes.items() if code in (1, 2)}
    if stated:  # it has printed its error
        number, code = min(stated.items())
        if number > 0:
            errors.seek(0)
            sys.stderr.write(printable_lines(errors.read().decode(errors="replace")))
        return code, None
    failed = {number: code for number, code in codes.items() if code not in (None, 0, LOST, -signal.SIGABRT)}
    if failed:
        number, code = next(iter(failed.items()))
        words = {"number": number, "count": processes.total, "how": _how(code)}
        return 1, fact("process {number} of {count}: {how}", **words)
    if None in codes.values():
        number = next(number for number, code in codes.items() if code is None)
        return 1, fact("process {number} of {count} did not respond", number=number, count=processes.total)
    return 1, fact("no connection to another process")


def _codes_of_failure(children: Mapping[int, subprocess.Popen[bytes]]) -> dict[int, Any]:
    """Return the exit codes of all processes once one has failed: the cause, or ``None`` for one that hangs.

    A process that lost the connection ends before one that hangs is known, so the others have some time.
    """
    end = time.monotonic() + GRACE_SECONDS
    while True:
        codes = {number: child.poll() for number, child in children.items()}
        is_clear = any(code not in (None, 0, LOST, -signal.SIGABRT) for code in codes.values())
        if is_clear or None not in codes.values() or time.monotonic() > end:
            return codes
        time.sleep(POLL_SECONDS)


def _how(code: int) -> Any:
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return fact("exit code {code}", code=code)


def _end(children: Mapping[int, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.kill()  # a stopped process ignores SIGTERM
            child.wait()


@contextmanager
def interrupts_left_to_children() -> Iterator[None]:
    """Ignore Ctrl-C in a terminal: the processes receive it as well, and save their progress.

    The handler is a function, because a process inherits ``SIG_IGN``.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None) if sys.stdin.isatty() else None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def signals_passed_to(children: Mapping[int, subprocess.Popen[bytes]]) -> Iterator[None]:
    """Pass signals that end a training to the processes, which save their progress; Ctrl-C as above."""

    def send(number: int, frame: FrameType | None) -> None:
        for child in children.values():
            child.send_signal(number)

    is_main = threading.current_thread() is threading.main_thread()
    passed = [number for number in SIGNALS if number != signal.SIGINT and is_main]
    before = {n: signal.signal(n, send) for n in passed if signal.getsignal(n) == signal.SIG_DFL}
    try:
        with interrupts_left_to_children():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with(parent: int) -> None:
    """End this process soon after its supervisor was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(LOST)


@contextmanager
def member(out: Path | None, options: Mapping[str, object], *, resume: bool) -> Iterator[Path | None]:
    """Connect a supervised process with the others; yields the run folder that it writes.

    Args:
        out: the run folder of the training.
        options: what the commands of all processes have in common, by the name of the option.
        resume: whether the training in ``out`` is continued.

    Raises:
        TrainingError E630: the processes did not connect. E632: their code or an option differs.
    """
    _detach_output()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    marker, number, count, address = os.environ[VARIABLE].rsplit(" ", 3)
    processes = import_module("chainrule.engines.xla.processes")
    if address == "auto":
        processes.join()
    else:
        if int(number) > 0:
            _await_listener(address, int(count))
        processes.join(address, int(count), int(number))
    Path(marker).touch()
    with _lost_connections():
        parts = [(fact("the option {name}", name=name), value) for name, value in options.items()]
        processes.require_same_program(lambda: parts, "--processes")
    number = import_module("jax").process_index()
    if number == 0:
        with _lost_connections():
            yield out
        return
    with TemporaryDirectory(prefix="chainrule-") as folder, _lost_connections():
        own = Path(folder) / "run"
        if resume and out is not None:
            shutil.copytree(out, own, symlinks=True)
        yield own


def leave(code: int) -> NoReturn:
    """End a supervised process; one that failed waits only some seconds for the others.

    Otherwise JAX waits five minutes until all end, and an error of one machine, such as a file that only that
    one lacks, would not be noticed on the others for so long.
    """
    if code and "chainrule.engines.xla.processes" in sys.modules:
        thread = threading.Thread(target=import_module("jax").distributed.shutdown, daemon=True)
        thread.start()
        thread.join(LEAVE_SECONDS)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _await_listener(address: str, count: int) -> None:
    """Wait until a program listens on an address; JAX would abort this process.

    Raises:
        TrainingError E630: there is none.
    """
    host, _, port = address.rpartition(":")
    end, problem = time.monotonic() + JOIN_SECONDS, ""
    while time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), timeout=JOIN_SECONDS).close()
            return
        except OSError as error:
            problem = error.strerror or str(error)
        time.sleep(0.2)
    raise not_connected(address, count, problem)


@contextmanager
def _lost_connections() -> Iterator[None]:
    """End this process with the code ``LOST`` where the runtime of JAX fails, as when a process is lost."""
    errors = import_module("jax").errors
    try:
        yield
    except errors.JaxRuntimeError:
        sys.stdout.flush()
        os._exit(LOST)


def _detach_output() -> None:
    """Keep the streams of Python, and discard what libraries of C++ write to the descriptors 1 and 2."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        stream.flush()
        copy = os.dup(descriptor)
        setattr(sys, name, os.fdopen(copy, "w", buffering=1, encoding=stream.encoding, errors=stream.errors))
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _is_installed(name: str) -> bool:
    return import_module("importlib.util").find_spec(name) is not None
