"""The sentence of each example."""

from __future__ import annotations

from chainrule.messages import Texts

EXAMPLE: Texts = {
    "example_article": "the article's 2-3-1 network: every partial derivative, derived",
    "example_moons": "classify two interleaved half circles with a small network",
    "example_digits": "classify handwritten digits of 8 x 8 pixels",
    "example_fashion-mnist": "classify images of clothes with four networks of increasing depth",
    "example_alexnet": (
        "train AlexNet, 57 million parameters, on enlarged images of clothes for a few hundred steps"
    ),
    "example_translate": "train a Transformer that translates menus and messages into Chinese",
    "example_poems": (
        "train a small GPT on Tang poems, compare it with n-grams, and write poems (--acrostic 春夏秋冬)"
    ),
    "example_risk": (
        "predict which loans are not repaid: probabilities, costs and groups, beside gradient boosting"
    ),
    "example_robot": "learn from rewards to swing up a pendulum, or to reach a target with an arm (TD3)",
    "example_connect-four": (
        "learn connect four from self-play, evaluated by an exact solver; --play plays against you"
    ),
    "example_microgpt": "train a GPT of 4,288 numbers to invent names, and derive one of its training steps",
    "example_detect": (
        "find red cells, white cells and platelets in images of blood smears, each with its box"
    ),
    "example_segment": "decide for every pixel of a street scene whether it is road, car, pedestrian, ...",
    "example_faces": (
        "recognize people: whose image is nearest, and are two images of the same person, also of strangers"
    ),
    "example_x-ray": (
        "recognize pneumonia in chest X-rays of children, with a threshold from validation images"
    ),
    "example_diagnose": (
        "diagnose narrowed coronary arteries, with abstention in doubt (not for clinical use)"
    ),
    "example_fraud": "rank web pages by the probability of phishing, each with reasons",
    "example_listen": (
        "transcribe letters, numbers and commands of unknown speakers, or single digits (--digits)"
    ),
    "example_speak": "learn the voice of 25 minutes of recordings, and speak any English text with it",
    "example_shares": (
        "predict tomorrow's variance of share prices, and show that the direction is not predictable"
    ),
    "example_recommend": (
        "recommend films to users, with reasons; stars of films without any rating (--content)"
    ),
    "example_molecules": "predict how well molecules dissolve in water, with colored atoms",
    "example_questions": (
        "answer questions about stories, or about paragraphs of the Chinese Wikipedia (--set drcd)"
    ),
    "example_sentiment": "decide whether Chinese reviews are positive, beside naive Bayes and a linear model",
}
