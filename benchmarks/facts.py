"""The machine and the versions of libraries, which belong to every reported time."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, processors

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "llvmlite",
    "torch",
    "jax",
    "jaxlib",
    "scikit-learn",
    "onnxruntime",
    "onnx",
)


def _processor() -> str:
    """The processor's name, if the system reports it."""
    path = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*:\s*(.+)", path.read_text()) if path.exists() else None
    return match[1].strip() if match else platform.processor()


def _commit() -> str:
    """The measured commit; with a ``+`` if files differ from it."""
    try:
        named = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True
        )
    except OSError:
        return ""
    return named.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def load() -> float | None:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def facts(threads: int) -> dict[str, Any]:
    """The machine and the versions."""
    has_pages = hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "processors": len(processors()),
        "threads": threads,
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if has_pages else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": load(),
        "versions": {package: _version(package) for package in PACKAGES},
    }
