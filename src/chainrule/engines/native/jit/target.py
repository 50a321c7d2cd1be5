"""Target processor of machine code: the host, or a narrower processor of the same family.

Compiled code uses vectors of 16, 32 or 64 bytes. A narrower target serves for comparison: with
``settings.portable_bits`` results have the same bits at every width (``campaigns/machines.py``).
"""

from __future__ import annotations

import platform

import llvmlite.binding as llvm

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.validation import out_of_range

WIDTHS = (16, 32, 64)
WIDE = ("avx512", "amx", "avx10", "evex512")  # prefixes of features that require vectors of 64 bytes


@frozen
class Target:
    """A processor as LLVM names it.

    Args:
        cpu: its name.
        features: features it has (``+``) or lacks (``-``), separated by commas.
        vector_bytes: width of its vectors.
    """

    cpu: str
    features: str
    vector_bytes: int

    @property
    def has_bfloat16(self) -> bool:
        """Whether it multiplies pairs of bfloat16 in vectors of 64 bytes."""
        return self.vector_bytes == 64 and "+avx512bf16" in self.features.split(",")

    @property
    def has_int8(self) -> bool:
        """Whether it adds four products of integers of 8 bits at once, in vectors of 64 bytes."""
        return self.vector_bytes == 64 and "+avx512vnni" in self.features.split(",")

    @property
    def stamp(self) -> str:
        """All properties of the target that compiled code depends on."""
        return f"{self.cpu} {self.features} vectors of {self.vector_bytes} bytes"


def host_target(vector_bytes: int = 0) -> Target:
    """Return the host processor.

    Args:
        vector_bytes: maximal width of vectors; 0 for the widest available.

    Raises:
        UsageError E102: vectors wider than the host's.
    """
    cpu, features = llvm.get_host_cpu_name(), dict(llvm.get_host_cpu_features())
    widest = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    width = vector_bytes or widest
    if width > widest:
        expected = fact("at most {widest} on this processor", widest=widest)
        fix = "cr.settings.vector_bytes = 0"
        raise out_of_range(vector_bytes, "vector_bytes", "cr.settings", expected, fix=fix)
    if width < widest and platform.machine() in ("x86_64", "AMD64"):
        cpu = "haswell" if features.get("fma") else "x86-64"
        features = {name: has and not name.startswith(WIDE) for name, has in features.items()}
    flags = ",".join(f"{'+' if has else '-'}{name}" for name, has in sorted(features.items()))
    return Target(cpu, flags, width)
