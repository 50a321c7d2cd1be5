"""Texts of the examples on tables: options and sentences in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts

OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set",
    "seeds": "number of divisions into five folds",
    "epochs": "maximum number of epochs; 0: chosen by the number of rows",
    "out": "folder for the model, the scores and the page",
}
CURVE: Texts = {
    "curve": "Reliability: observed share over the predicted probability",
    "legend": (
        "Blue: the networks; orange: logistic regression; bars: two standard errors. On the dashed line, "
        "what is predicted with 30 % comes true in 30 % of the rows."
    ),
}
RISK: Texts = {
    **CURVE,
    "title": "Credit risk",
    "refuse": "A loan is refused from a probability of {level:.3f} on: then granting it costs more.",
    "groups": "Groups: what the networks predict, and whom the rule refuses",
    "header": "group,loans,bad,predicted,refused,good but refused",
    "limits": (
        "The table has only loans that a bank granted: nothing is known of those that it refused, and a "
        "network repeats its past decisions. In many countries age and marital status may not decide on "
        "a loan; leaving them out does not remove what other columns reveal about them."
    ),
}
DIAGNOSE: Texts = {
    **CURVE,
    "title": "Diagnosis of narrowed coronary arteries",
    "interval": (
        "AUC of the networks {mean:.3f}, 95 % interval of the mean {low:.3f} to {high:.3f}; the folds "
        "share training rows, which widens it."
    ),
    "abstain": "Abstention: patients with a probability near 1/2 are left to a physician",
    "abstain_header": "no prediction between,patients left,accuracy,sensitivity,specificity",
    "groups": "Groups, at a threshold of 0.5",
    "header": "group,patients,ill,predicted,predicted ill,healthy but predicted ill",
    "limits": (
        "Not for clinical use. All patients were sent to one hospital for an examination, before 1988: "
        "46 % of them are ill, far more than among patients of a general practice, so neither "
        "probabilities nor sensitivity carry over. With 303 patients the uncertainty is larger than the "
        "difference between the methods."
    ),
}
PAYMENTS: Texts = {
    "data": (
        "{train:,} earlier payments for training, {fraud:,} of them fraud; {test:,} later ones for the test"
    ),
    "title": "Fraud: card payments",
    "cases": "Cases to investigate first, of the later payments, with attributions",
    "limits": (
        "Two days of one bank in 2013: no other bank, no other fraud. The columns V1 to V28 are "
        "principal components without a meaning that could be investigated. Fraud that was not "
        "discovered counts as a regular payment."
    ),
}
FRAUD: Texts = {
    "title": "Fraud: pages that imitate others",
    "cases": "Cases to investigate first, of pages that the network was not trained on, with Shapley values",
    "header": "probability,fraud,reasons",
    "limits": (
        "The pages were collected before 2015 and 44 % of them are phishing, which is far more than in "
        "real traffic: precision is lower where fraud is rare. 71 % of the pages have a copy; equal "
        "pages share a fold, since otherwise they would be recognized instead of predicted. Fraud adapts "
        "to the detector, and tests on old cases do not show it."
    ),
}
