"""Texts of membership inference and of audits in one training, by key."""

from __future__ import annotations

from chainrule.messages import Texts

AUDITING: Texts = {
    "membership_title": "Membership inference",
    "membership_rows": "{members} rows of the training against {others} rows that it did not use.",
    "membership_replaced": (
        "The model was trained on all rows, so none is left to compare with. A model trained in the same "
        "way on a random half of the rows was attacked in its place."
    ),
    "membership_accuracy": "Accuracy on rows of the training {inside}, on the others {outside}.",
    "membership_error": (
        "Mean squared error (standardized) on rows of the training {inside}, on the others {outside}."
    ),
    "membership_chance": (
        "No attack does better than chance: the area under the ROC curve of the best one, {attack}, is "
        "{area}; guessing has 0.5."
    ),
    "membership_recognizable": (
        "Rows of the training can be recognized somewhat better than by chance: the area under the ROC "
        "curve of the best attack, {attack}, is {area}; guessing has 0.5."
    ),
    "membership_clear": (
        "Rows of the training are clearly recognizable: the area under the ROC curve of the best attack, "
        "{attack}, is {area}; guessing has 0.5. Regularization lowers this; differential privacy limits "
        "it."
    ),
    "membership_level": "All intervals hold together with a probability of 95 %.",
    "membership_limit": (
        "An attack that fails proves nothing: another one may succeed. The rows must be alike but for "
        "their part in the training."
    ),
    "membership_attacks": "Attacks",
    "membership_attack": "attack",
    "membership_area": "area under the ROC curve",
    "membership_detected": "detected at {limit} false alarms",
    "membership_too_few": "needs {count} other rows",
    "membership_loss_threshold": "loss threshold",
    "membership_likelihood_ratio": "likelihood ratio (LiRA)",
    "membership_exposed": "The most exposed rows of the training",
    "membership_row": "row",
    "membership_score": "score",
    "one_run_title": "Lower bound of epsilon from one training",
    "one_run_guesses": (
        "{canaries} canaries, each used in the training or left out by a coin; {right} of {guesses} "
        "guesses were right."
    ),
    "one_run_bound": "Epsilon is more than {bound} (delta {delta}), with a confidence of {confidence}.",
    "one_run_no_bound": (
        "No lower bound of epsilon is shown (delta {delta}), with a confidence of {confidence}."
    ),
    "one_run_refuted": "The claim of epsilon {claim} is refuted: this training reveals more than it allows.",
    "one_run_compatible": "This is compatible with the claim of epsilon {claim}; it does not prove it.",
    "one_run_leaks": (
        "The training reveals its rows at least to this degree; without differential privacy there is no "
        "upper limit."
    ),
    "one_run_nothing": "Nothing is shown: the guesses are not better than chance.",
    "one_run_reachable": "With this number of canaries a bound of at most {reachable} can be shown.",
    "one_run_limit": "A low bound is no proof of privacy: a stronger attack may show more.",
}
