"""XLA engine: runs a graph on the devices of JAX, such as GPUs and TPUs; on CPUs as well."""

from chainrule.optional_dependency import missing

try:
    import jax
except ImportError:
    raise missing("xla", 'engine="xla"') from None
if not hasattr(jax, "enable_x64"):  # an older version
    raise missing("xla", 'engine="xla"')

from chainrule.engines.xla.portable import portable_program, run_portable
from chainrule.engines.xla.program import Program
from chainrule.engines.xla.training_steps import CompiledStep, Trainer

VERSION = f"JAX {jax.__version__}"

__all__ = ["VERSION", "CompiledStep", "Program", "Trainer", "portable_program", "run_portable"]
