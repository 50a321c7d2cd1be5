"""XLA engine: runs a graph on the devices of JAX, such as GPUs and TPUs; on CPUs as well."""

from chainrule.optional_dependency import missing, require_version

try:
    import jax

    require_version("xla", 'engine="xla"', jax.__version__, (0, 10, 2))
except ImportError:
    raise missing("xla", 'engine="xla"') from None

from chainrule.engines.xla.devices import device_memory
from chainrule.engines.xla.portable import portable_program, run_portable
from chainrule.engines.xla.processes import require_same_program
from chainrule.engines.xla.program import Program
from chainrule.engines.xla.training_steps import CompiledStep, Trainer

VERSION = f"JAX {jax.__version__}"

__all__ = [
    "VERSION",
    "CompiledStep",
    "Program",
    "Trainer",
    "device_memory",
    "portable_program",
    "require_same_program",
    "run_portable",
]
