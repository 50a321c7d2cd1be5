"""Run all of PyTorch's own sample inputs through chainrule: ``python campaigns/torch_database.py``.

Prints a row for each name as it goes, and writes docs/torch-database.md. A few minutes on one core. The test
suite runs the first samples of every name (tests/properties/test_torch_database_*.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from torch_database.optimizers import OPTIMIZERS  # noqa: E402
from torch_database.oracle import Tally  # noqa: E402
from torch_database.rows import ALL_MODULES, OPERATIONS  # noqa: E402
from torch_database.run import (  # noqa: E402
    INFOS,
    MODULE_INFOS,
    OPTIMIZER_INFOS,
    module,
    operation,
    optimizer,
)

PAGE = """# PyTorch's own sample inputs

PyTorch tests itself with sample inputs for every operation, module and optimizer
(`torch.testing._internal`). Here they judge chainrule: every sample whose options chainrule has is run
through both, on the reference and on the native engine, and value, input gradients and parameter
gradients are compared in float64, to 1e-10 of the largest number. Optimizers take ten steps down one
hill.

Made by `python campaigns/torch_database.py` with PyTorch {version}: **{agree:,} of {supported:,}
supported samples agree**; {unsupported:,} samples ask for options that are not there. {rows} names are
compared; the other {others} of PyTorch's {names} (linear algebra, Fourier transforms, special functions,
sorting, in-place and complex variants and so on) are no operations of chainrule.

How to read a reason:

- *refused E...*: chainrule refuses the settings with this error (`docs/errors/`), such as an epsilon of
  0 (E102), shapes that would have to be broadcast (E201), or a result no window can have made (E216);
- *axis of a scalar*: PyTorch lets a single number have an axis;
- *negative weight*, *negative probability*, *target other than 1 and -1*, *class listed twice*: numbers
  that mean nothing to the loss;
- *random*: PyTorch draws, and its numbers are its own;
- *two numbers for one place*: overlapping windows, of which PyTorch keeps the last, chainrule the sum;
- *gradient by settings*: class weights are settings here and are not differentiated;
- *odd power without absolute values*: `LPPool` takes absolute values, so that the root exists;
- *threshold*: PyTorch cuts softplus off; here it is exact everywhere;
- *bfloat16 inside*, *several evaluations in a step*: PyTorch's `Muon` rounds, its `LBFGS` loops within a
  step; both are proven elsewhere (`tests/properties`);
- any other word names an option that is not there: *several lists as indices*, *p* other than 2,
  *out_features* and a *vector of weights* of `LinearCrossEntropyLoss`, *classes counted* by `one_hot`, and
  those that PyTorch calls so itself (`proj_size`, `add_bias_kv`, ...).

Adapted: channels come first in PyTorch and last here; losses are joined as PyTorch joins them, since
chainrule's are one number for each sample; `soft_margin_loss` and `margin_ranking_loss` are tried with
the signs of the samples' targets; weight decay inside the gradient is a penalty `cr.L2`, and `maximize`
is minus the loss. The slope of `hardsigmoid` is compared to 1e-7: PyTorch's is 1/6 in float32.

{tables}"""


def table(title: str, names: Iterable[str], judge: Callable[[str], Tally], total: Tally) -> str:
    """A table in Markdown; what is found is printed and added to the total."""
    lines = [f"## {title}", "", "| name | supported | agree | not supported |", "|---|---:|---:|---|"]
    for name in names:
        tally = judge(name)
        total.agree += tally.agree
        total.failing += tally.failing
        total.unsupported += tally.unsupported
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(tally.unsupported.items()))
        lines.append(f"| `{name}` | {tally.supported} | {tally.agree} | {reasons} |")
        print(f"{name:50s}{tally.supported:6d}{tally.agree:6d}  {reasons}", flush=True)
        for failure in tally.failing:
            print(f"    {failure}", flush=True)
    return "\n".join([*lines, ""])


def main() -> int:
    """Run all of it; 1 when a supported sample does not agree."""
    total = Tally()
    tables = [
        table("Operations", sorted(OPERATIONS), operation, total),
        table("Modules", sorted(ALL_MODULES), module, total),
        table("Optimizers", sorted(OPTIMIZERS), optimizer, total),
    ]
    names = len(INFOS) + len(MODULE_INFOS) + len(OPTIMIZER_INFOS)
    rows = len(OPERATIONS) + len(ALL_MODULES) + len(OPTIMIZERS)
    text = PAGE.format(
        version=torch.__version__.split("+")[0], agree=total.agree, supported=total.supported, rows=rows,
        unsupported=sum(total.unsupported.values()), others=names - rows, names=names,
        tables="\n".join(tables),
    )  # fmt: skip
    (ROOT / "docs" / "torch-database.md").write_text(text, encoding="utf-8")
    print(f"{total.agree} of {total.supported} supported samples agree")
    return 1 if total.failing else 0


if __name__ == "__main__":
    sys.exit(main())
