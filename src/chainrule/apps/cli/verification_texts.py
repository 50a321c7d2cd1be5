"""The texts of certificates and ``chainrule verify`` in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts

VERIFICATION: Texts = {
    "certified": (
        "Certificates for changes of each input by at most {radius} {unit}: {proven} proven, {broken} "
        "broken, {unknown} unknown."
    ),
    "certified_units": "(pixels: 0 to 1)",
    "certified_prepared": "in prepared columns (numbers: standard deviations)",
    "verify": (
        "prove a property of a network in an ONNX file, or find a counterexample (exit code 0: holds, 3: "
        "violated, 4: unknown, 5: the property is about no input)"
    ),
    "verify_holds": (
        "No input of the property violates it: proven in exact arithmetic, and for the network as it "
        "runs, with its rounding errors."
    ),
    "verify_violated": (
        "This input violates the property: the network was run on it, and exact arithmetic confirms it."
    ),
    "verify_unknown": "Neither a proof nor a counterexample was found in this time.",
    "verify_empty": (
        "No input satisfies all assertions, so the property is about nothing, and nothing was proven of "
        "the network. (In the verification competition this is unsat.) Check the bounds of the inputs."
    ),
    "verify_contradiction": "These bounds exclude one another: {bounds}",
    "verify_counts": (
        "{inputs} inputs, {outputs} outputs; cases of a violation: {cases}; parts examined: {boxes:,}; "
        "{seconds:.1f} s"
    ),
    "verify_variable": "variable",
    "verify_value": "value",
    "verify_more": "... only the first {count} of each; --out FILE writes all",
}
