"""Questions that users ask, each with its answer and the commands that show it.

``chainrule show faq`` and the page of questions on the site are rendered from this table.
"""

from __future__ import annotations

from chainrule.messages import Text
from chainrule.records import frozen


@frozen
class Question:
    """A question.

    Args:
        title: the question, in the words of a user.
        response: a few sentences.
        commands: what to run; RUN stands for the folder of a training, DATA for a table.
        pages: names of pages in ``docs``.
    """

    title: Text
    response: Text
    commands: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Why does the first training take so long to begin?",
        (
            "The first step of a network compiles code for your processor, which takes some seconds. The "
            "code is stored in ~/.cache/chainrule, so the next training of the same network begins at "
            "once."
        ),
        commands=("chainrule show RUN --profile",),
        pages=("profile",),
    ),
    Question(
        "Why is my training slow?",
        (
            "Look where the time goes first. Often it helps to use larger batches (fewer updates for each "
            "epoch), float32 instead of float64, and smaller images or shorter sequences. For large networks "
            "use a GPU: --engine xla."
        ),
        commands=("chainrule show RUN --profile", "chainrule plan DATA --devices 1"),
        pages=("profile", "xla"),
    ),
    Question(
        "Why are the numbers different from those of PyTorch?",
        (
            "Usually one default differs: the initial weights, the order of the samples, the epsilon of an "
            "optimizer, or the mean of a loss. With equal weights and equal data the outputs agree to the "
            "last digits of float32, which depend on the order of sums."
        ),
        pages=("coming-from-pytorch", "names", "parity"),
    ),
    Question(
        "Why do two trainings of the same data differ?",
        (
            "With the same seed, data, settings and version on the same number of cores they do not: all "
            "bits are equal. Another seed changes the initial weights and the order of the samples, so "
            "the scores of several seeds show how much of a difference is chance."
        ),
        pages=("reproducibility",),
    ),
    Question(
        "Which loss should I use?",
        (
            "For one number, mse; with outliers huber or mae; for counts poisson; for an interval "
            "quantile. For two classes binary_cross_entropy, for several cross_entropy, both on scores "
            "without softmax. For a table, chainrule train chooses by the target column."
        ),
        commands=("chainrule show losses", "chainrule show loss huber"),
    ),
    Question(
        "How many layers and units does my network need?",
        (
            "For a table, begin with the default. Otherwise begin with one or two hidden layers of 64 "
            "units. If the training loss stays high, the network is too small; if the validation loss is "
            "much higher than the training loss, add data, dropout or weight decay before you make it "
            "smaller. A search tries the sizes for you."
        ),
        commands=("chainrule tune DATA --target COLUMN", "chainrule show rule underfitting"),
        pages=("tuning",),
    ),
    Question(
        "Which activation function should I use?",
        (
            "In hidden layers relu, or gelu and silu in deep networks; tanh inside recurrent layers. After "
            "the last layer none for numbers and for scores, since the losses of classes contain sigmoid or "
            "softmax."
        ),
        commands=("chainrule show activations", "chainrule show activation gelu"),
    ),
    Question(
        "Which learning rate should I use?",
        (
            "For Adam begin with 0.001, for SGD with momentum with 0.01 to 0.1. If the loss oscillates or "
            "becomes infinite, divide by 3 or 10; if it falls very slowly, multiply. The doctor measures "
            "both."
        ),
        commands=("chainrule doctor RUN", "chainrule show rule rate-too-high"),
        pages=("doctor",),
    ),
    Question(
        "The loss became NaN. What now?",
        (
            "The training stops at the first value that is not finite and saves the sample, the layer and "
            "the operation that made it. Usual causes are a learning rate that is too high, inputs that "
            "are not scaled, and the logarithm or the quotient of 0."
        ),
        commands=("chainrule show RUN", "chainrule show rule not-finite"),
        pages=("nonfinite-values",),
    ),
    Question(
        "The loss does not fall. What now?",
        (
            "Let the doctor look: it separates a learning rate that is too low, units that are dead, "
            "labels that do not match the inputs, inputs that are not scaled, and parameters that are not "
            "trained. A network that cannot learn ten samples by heart has a fault; more data do not help "
            "it."
        ),
        commands=("chainrule doctor RUN", "chainrule check DATA --target COLUMN"),
        pages=("doctor",),
    ),
    Question(
        "The training is good and the validation is bad. What now?",
        (
            "That is overfitting. More data help most; otherwise dropout, weight decay, augmentation of "
            "images, early stopping and an ensemble. Check also that the validation rows come from the same "
            "source."
        ),
        commands=("chainrule show rule overfitting", "chainrule train DATA --learning-curve"),
    ),
    Question(
        "How many rows do I need?",
        (
            "Measure it: the learning curve trains on growing parts of your rows. If the score still "
            "rises at the end, more rows help; if not, other columns do."
        ),
        commands=("chainrule train DATA --learning-curve",),
        pages=("training-tables",),
    ),
    Question(
        "One class is rare. What should I do?",
        (
            "Do not rely on accuracy: look at F1, the precision-recall curve and the costs. Pass the cost of "
            "each kind of error, and the threshold is chosen for it on rows that were not trained on; class "
            "weights are the second choice."
        ),
        commands=("chainrule train DATA --class-weight balanced", "chainrule show metric pr_auc"),
        pages=("training-tables",),
    ),
    Question(
        "What is in a RUN folder, and may I pass it on?",
        (
            "The model, the history, the settings, the report and the scores. Files are data only: "
            "nothing in them is executed when they are loaded, not even those of strangers. They contain "
            "names of columns and categories, and example rows in a report; look at the report before you "
            "publish it."
        ),
        commands=("chainrule show RUN", "chainrule audit RUN DATA"),
        pages=("auditing", "privacy"),
    ),
    Question(
        "How do I predict new rows?",
        (
            "Give a table with the same columns; their order does not matter and further columns are "
            "ignored. Missing values and new categories are handled as in training. Add --proba for "
            "probabilities and --out for a file."
        ),
        commands=("chainrule predict RUN DATA --proba",),
        pages=("predicting",),
    ),
    Question(
        "How do I use a network elsewhere, without chainrule?",
        (
            "Export it: ONNX for other runtimes, C for small devices, one Python file that needs only NumPy, "
            "one HTML page for a browser, or a PyTorch program. Each file is compared with the model before "
            "it is written."
        ),
        commands=("chainrule export RUN --to onnx", "chainrule serve RUN"),
        pages=("exporting", "serve"),
    ),
    Question(
        "Can I train on a GPU?",
        "Yes: the same network and the same command with --engine xla, on GPUs, TPUs and several machines.",
        commands=("chainrule train DATA --engine xla",),
        pages=("xla",),
    ),
    Question(
        "Does chainrule send data anywhere?",
        (
            "No. It opens a connection only where you ask for one: chainrule data get, a tracker, the "
            "storage of a search, or processes of a training. Servers respond to your own machine only, "
            "unless you pass --host."
        ),
        pages=("hostile-input",),
    ),
    Question(
        "What does an error code mean?",
        (
            "Every error has a code and a page with the cause, an example and the fix. The page is also in "
            "the terminal."
        ),
        commands=("chainrule show error E203", "chainrule show errors"),
    ),
    Question(
        "How do I change the language?",
        (
            'Add --lang zh or --lang en to a command, set CHAINRULE_LANG, or write the line lang = "zh" into '
            "~/.config/chainrule/settings.toml. In Python it is cr.settings.lang."
        ),
        commands=("chainrule show faq --lang zh",),
    ),
)
"""All questions, in the order of a first training."""
