"""Searches whose trials the workers of a cluster compute: those of one process, also when a worker is killed.

A cluster of Dask and one of Ray are started on this machine, if the library is installed; ``chainrule tune``
receives their addresses.

    python -m campaigns.search_clusters
    python -m campaigns.search_clusters --only ray
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

TUNE = ("tune", "digits", "--quick", "--epochs", "8", "--trials", "8", "--round-size", "4", "--lang", "en")
MAIN = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"
WORKERS = 2


@contextmanager
def dask_cluster() -> Iterator[tuple[str, Callable[[], Sequence[int]]]]:
    """Yield the address of a scheduler of Dask, and the numbers of its worker processes."""
    distributed = import_module("distributed")
    with distributed.LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as own:
        yield own.scheduler_address, lambda: [worker.process.pid for worker in own.workers.values()]


@contextmanager
def ray_cluster() -> Iterator[tuple[str, Callable[[], Sequence[int]]]]:
    """Yield the address of a cluster of Ray, and the numbers of its worker processes that compute."""
    command = [str(Path(sys.executable).with_name("ray"))]
    options = ["--head", f"--num-cpus={WORKERS}", "--include-dashboard=false", "--disable-usage-stats"]
    subprocess.run([*command, "start", *options], check=True, capture_output=True)
    try:
        yield "ray://auto", _ray_workers
    finally:
        subprocess.run([*command, "stop"], check=True, capture_output=True)


def _ray_workers() -> list[int]:
    """Return the processes of Ray that compute trials, by their title."""
    numbers = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().startswith(b"ray::score_of"):
                numbers.append(int(place.parent.name))
        except OSError:  # it has ended
            continue
    return numbers


CLUSTERS = {"dask": ("distributed", dask_cluster), "ray": ("ray", ray_cluster)}


def trials_of(folder: Path, run: str, *words: str) -> list[str]:
    """Return the lines of the trials of a search; exits if it fails."""
    command = [sys.executable, "-c", MAIN, *TUNE, "--out", run, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
    if done.returncode or done.stderr:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return [line for line in done.stdout.splitlines() if line.startswith("trial ") and " of " in line]


def killed(workers: Callable[[], Sequence[int]], stop: threading.Event) -> None:
    """Kill one of the workers after some seconds, once there is one."""
    time.sleep(3)
    while not stop.is_set():
        numbers = workers()
        if numbers:
            os.kill(random.choice(list(numbers)), signal.SIGKILL)
            print("  a worker was killed", flush=True)
            return
        time.sleep(0.1)


def main() -> None:
    """Compare the trials on each cluster with those of one process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=CLUSTERS)
    only, is_good = parser.parse_args().only, True
    with TemporaryDirectory() as place:
        expected = trials_of(Path(place), "alone")
        for name, (module, cluster) in CLUSTERS.items():
            if (only and name != only) or find_spec(module) is None:
                continue
            with cluster() as (address, workers):
                for run in (name, f"{name}-killed"):
                    stop = threading.Event()
                    thread = threading.Thread(target=killed, args=(workers, stop))
                    if run != name:
                        thread.start()
                    start = time.monotonic()
                    same = trials_of(Path(place), run, "--cluster", address) == expected
                    stop.set()
                    is_good &= same
                    equal = "the trials of one process" if same else "other trials"
                    print(
                        f"{run}: {len(expected)} trials in {time.monotonic() - start:.0f} s, {equal}",
                        flush=True,
                    )
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
