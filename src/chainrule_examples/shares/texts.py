"""Options and texts of the example shares in English and Chinese."""

from __future__ import annotations

from chainrule.messages import Texts

OPTIONS: Texts = {
    "data": "file or folder of a copy of the data set",
    "long": "ten trainings",
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "epochs": "number of epochs; 0: chosen",
    "out": "folder for the model, the scores and the page",
}
TEXTS: Texts = {
    "month": "mean of the last 22 days",
    "har": "linear model (HAR with leverage)",
    "net": "linear model and GRU",
    "title": "Variance of the S&P 500",
    "direction": (
        "Direction of the next day: accuracy {a:.3f} (95 % interval {low:.3f} to {high:.3f}); always up: "
        "{up:.3f}. No claim."
    ),
    "risk": (
        "Value at risk: the loss of the next day that is exceeded with a probability of 1 %, of {days} days"
    ),
    "risk_header": "method,breaches,share,p of Kupiec's test",
    "chart": "Log variance of each test day, and its prediction",
    "legend": (
        "Dots: the variance of the day; line: the prediction of the day before; in days from the first "
        "test day."
    ),
    "limits": (
        "No investment advice. The variance is estimated from four prices of a day, which limits every "
        "R². Nothing follows from one index in one period, without costs, for other markets or for "
        "profits."
    ),
}
