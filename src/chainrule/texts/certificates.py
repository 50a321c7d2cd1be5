"""Texts of certificates, by key."""

from __future__ import annotations

from chainrule.messages import Texts

CERTIFICATES: Texts = {
    "certificate_title": "Certificate",
    "certificate_changes": "Changes: {norm} at most {radius}.",
    "certificate_prepared": "Changes are in the units of prepared columns: standard deviations of numbers.",
    "certificate_proven": "proven: {share}; no such change changes the prediction",
    "certificate_broken": "broken: {share}; a change with another prediction was found",
    "certificate_unknown": "unknown: {share}; neither was shown",
    "certificate_limit_bounds": (
        "± is one standard error. Proofs hold in exact arithmetic, for the network with its stored "
        "weights, whether the prediction is right or wrong."
    ),
    "certificate_limit_smoothing": (
        "± is one standard error. The statements are about the smoothed classifier, which predicts the "
        "most frequent class under noise; each is wrong with a probability of at most {failure}."
    ),
    "certificate_counterexamples": "Counterexamples",
}
