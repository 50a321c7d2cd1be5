"""Run all sample inputs of PyTorch through chainrule: ``python campaigns/torch_database.py``.

Prints a row for each name as it is compared, and writes docs/pytorch-comparison.md. Takes a few minutes on
one core. The test suite runs the first samples of every name (tests/properties/test_torch_opinfo_*.py).
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
from torch_database.registry import ALL_MODULES, OPERATIONS  # noqa: E402
from torch_database.run import INFOS, MODULE_INFOS, OPTIMIZER_INFOS, module, operation, optimizer  # noqa: E402

PAGE = """# Comparison with PyTorch's sample inputs

PyTorch tests itself with sample inputs for every operation, module and optimizer
(`torch.testing._internal`). This page reports the result of running these samples through chainrule, on the
reference and on the native engine: value, input gradients and parameter gradients are compared in float64,
to 1e-10 of the largest element. Optimizers are compared over ten steps on one test function.

`python campaigns/torch_database.py` with PyTorch {version} writes this page: **{agree:,} of {supported:,}
supported samples agree**; {unsupported:,} samples use options that chainrule does not have. {rows} names are
compared; the other {others} of PyTorch's {names} (linear algebra, special functions, in-place and
complex variants and so on) are not operations of chainrule.

The last column gives the reasons for unsupported samples:

- *refused E...*: chainrule rejects the settings with this error (`docs/errors/`), such as an epsilon of
  0 (E102), shapes that would have to be broadcast (E201), or a result that no window can produce
  (E216);
- *axis of a scalar*: PyTorch accepts an axis for a scalar;
- *negative weight*, *negative probability*, *target other than 1 and -1*, *class listed twice*: values
  that are invalid for the loss;
- *thousands of elements to sort*: `cr.sort` compares all pairs of a row; *negative indices* do not count
  from the end; the *length* of a Fourier transform is that of its axis, and the sample is padded or cut;
- *random*: PyTorch samples random numbers with its own generator;
- *two numbers for one place*: overlapping windows, of which PyTorch keeps the last value and chainrule
  the sum;
- *gradient by settings*: class weights are settings and are not differentiated;
- *odd power without absolute values*: `LPPool` takes absolute values, so that the root exists;
- *threshold*: PyTorch replaces softplus by the identity above a threshold; chainrule computes it
  exactly everywhere;
- *bfloat16 inside*, *several evaluations in a step*: PyTorch's `Muon` rounds to bfloat16, its `LBFGS`
  iterates within a step; both are tested separately (`tests/properties`);
- any other: an option that chainrule does not have: *several lists as indices*, *p* other than 2,
  *out_features* and a *vector of weights* of `LinearCrossEntropyLoss`, *classes counted* by `one_hot`,
  and options by their PyTorch names (`proj_size`, `add_bias_kv`, ...).

The samples are adapted as follows. Channels come first in PyTorch and last in chainrule. Losses are reduced
as in PyTorch, because those of chainrule return one number per sample. `soft_margin_loss` and
`margin_ranking_loss` use the signs of the sample targets. Weight decay in the gradient is the penalty
`cr.L2`, and `maximize` is the negative loss. The derivative of `hardsigmoid` is compared to 1e-7, because
PyTorch uses 1/6 in float32.

{tables}"""


def table(title: str, names: Iterable[str], compare: Callable[[str], Tally], total: Tally) -> str:
    """A table in Markdown; results are printed and added to the total."""
    lines = [f"## {title}", "", "| name | supported | agree | not supported |", "|---|---:|---:|---|"]
    for name in names:
        tally = compare(name)
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
    """Compare all samples; return 1 if a supported sample does not agree."""
    total = Tally()
    tables = [
        table("Operations", sorted(OPERATIONS), operation, total),
        table("Modules", sorted(ALL_MODULES), module, total),
        table("Optimizers", sorted(OPTIMIZERS), optimizer, total),
    ]
    names = len(INFOS) + len(MODULE_INFOS) + len(OPTIMIZER_INFOS)
    rows = len(OPERATIONS) + len(ALL_MODULES) + len(OPTIMIZERS)
    text = PAGE.format(
        version=torch.__version__.split("+")[0],
        agree=total.agree,
        supported=total.supported,
        rows=rows,
        unsupported=sum(total.unsupported.values()),
        others=names - rows,
        names=names,
        tables="\n".join(tables),
    )
    (ROOT / "docs" / "pytorch-comparison.md").write_text(text, encoding="utf-8")
    print(f"{total.agree} of {total.supported} supported samples agree")
    return 1 if total.failing else 0


if __name__ == "__main__":
    sys.exit(main())
