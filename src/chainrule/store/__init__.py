"""Files that survive: a kill, a full disk or a power cut leaves the old file or the new, never a half.

In: bytes, texts, and arrays by name with a record. Out: the same, checked to the last bit. This room never
knows what a network or a training is, and opening a file executes nothing.
"""

from chainrule.store import container, durable
from chainrule.store.run_folder import Checkpoint, RunFolder

__all__ = ["Checkpoint", "RunFolder", "container", "durable"]
