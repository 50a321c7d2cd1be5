"""The terms of neural networks: what each means, which are related, and a command that shows it.

``chainrule show term NAME`` and the page of terms on the site are rendered from this table; the Chinese is in
the catalog of translations, the names with ``term`` as their context.
"""

from __future__ import annotations

from chainrule.messages import Text, translated
from chainrule.records import frozen

CONTEXT = "term"


@frozen
class Term:
    """A term.

    Args:
        name: the English term, in the singular.
        meaning: one or two sentences.
        aliases: other names, and words that a reader may look up instead.
        see: names of related terms.
        command: a command that shows it; empty if there is none.
    """

    name: Text
    meaning: Text
    aliases: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    command: str = ""

    def title(self, lang: str) -> str:
        """Return the name in a language."""
        return translated(self.name, lang, CONTEXT)


TERMS: dict[str, Term] = {
    term.name: term
    for term in (
        Term(
            "neural network",
            (
                "A function built of layers, each a weighted sum followed by an activation function; its "
                "weights are learned from data."
            ),
            aliases=("artificial neural network", "NN"),
            see=("layer", "weight", "training"),
            command="chainrule example article",
        ),
        Term(
            "neuron",
            "One output of a layer: a = g(w_1 x_1 + ... + w_n x_n + b).",
            aliases=("unit", "node"),
            see=("weighted sum", "activation function"),
            command="chainrule example article --depth 1",
        ),
        Term(
            "layer",
            (
                "A part of a network with parameters of its own; it receives the values of the layer before "
                "it."
            ),
            see=("fully connected layer", "hidden layer"),
            command="chainrule show layers",
        ),
        Term(
            "input layer",
            "The values that a network receives, one for each feature; it has no weights.",
            see=("feature", "hidden layer"),
        ),
        Term(
            "hidden layer",
            "A layer between the input and the output; its values are not in the data.",
            see=("layer", "output layer"),
        ),
        Term(
            "output layer",
            (
                "The last layer; its activation function fits the task: none for numbers, sigmoid or softmax "
                "for probabilities."
            ),
            see=("softmax", "sigmoid", "loss function"),
        ),
        Term(
            "fully connected layer",
            "A layer in which every unit receives every input: y = x W^T + b.",
            aliases=("dense layer", "linear layer"),
            see=("weight", "bias"),
            command="chainrule show layer Dense",
        ),
        Term(
            "weight",
            (
                "A parameter that multiplies one value on its way to a unit; a larger weight gives the value "
                "more influence."
            ),
            see=("parameter", "bias"),
        ),
        Term(
            "bias",
            "A parameter that is added to a weighted sum; it shifts the point at which a unit responds.",
            see=("weight", "weighted sum"),
        ),
        Term(
            "parameter",
            "A number that training changes: a weight or a bias.",
            see=("hyperparameter", "weight"),
            command="chainrule show model lenet5",
        ),
        Term(
            "hyperparameter",
            "A setting that is chosen before training, such as the learning rate or the number of layers.",
            see=("parameter", "learning rate"),
            command="chainrule tune --help",
        ),
        Term(
            "weighted sum",
            "z = w_1 x_1 + ... + w_n x_n + b, the number that an activation function receives.",
            aliases=("preactivation",),
            see=("neuron", "activation function"),
            command="chainrule example article --depth 2",
        ),
        Term(
            "activation function",
            (
                "A nonlinear function applied to each weighted sum. Without it, several layers compute no "
                "more than one."
            ),
            see=("ReLU", "sigmoid", "tanh"),
            command="chainrule show activations",
        ),
        Term(
            "sigmoid",
            "1 / (1 + exp(-z)): maps any number to one between 0 and 1. Its derivative is at most 0.25.",
            aliases=("logistic function",),
            see=("logit", "vanishing gradient"),
            command="chainrule show activation sigmoid",
        ),
        Term(
            "tanh",
            "Maps any number to one between -1 and 1; its derivative at z is 1 - tanh(z)^2.",
            aliases=("hyperbolic tangent",),
            see=("sigmoid", "activation function"),
            command="chainrule show activation tanh",
        ),
        Term(
            "ReLU",
            (
                "max(0, z). Its derivative is 1 for positive z and 0 otherwise, so gradients pass without "
                "becoming smaller."
            ),
            aliases=("rectified linear unit",),
            see=("dying ReLU", "vanishing gradient"),
            command="chainrule show activation relu",
        ),
        Term(
            "softmax",
            "Turns scores into probabilities: exp(z_i) divided by the sum of all exp(z_j).",
            see=("logit", "cross-entropy"),
            command="chainrule show activation softmax",
        ),
        Term(
            "logit",
            "A score before softmax or sigmoid; any number.",
            aliases=("score",),
            see=("softmax", "sigmoid"),
        ),
        Term(
            "convolution",
            (
                "A weighted sum over a window that moves over an image or a sequence; the same weights are "
                "used at every position."
            ),
            aliases=("CNN", "convolutional network"),
            see=("pooling", "weight"),
            command="chainrule show layer Conv",
        ),
        Term(
            "pooling",
            "Replaces each window by its largest or mean value, so that the result is smaller.",
            aliases=("max pooling", "average pooling"),
            see=("convolution",),
            command="chainrule show layer MaxPool",
        ),
        Term(
            "recurrent network",
            "A network that reads a sequence step by step and passes a state from each step to the next.",
            aliases=("RNN",),
            see=("LSTM", "vanishing gradient"),
            command="chainrule show layer RNN",
        ),
        Term(
            "LSTM",
            (
                "A recurrent layer whose gates decide what its state keeps, so that gradients reach distant "
                "steps."
            ),
            aliases=("long short-term memory",),
            see=("recurrent network",),
            command="chainrule show layer LSTM",
        ),
        Term(
            "attention",
            "A mean of values weighted by how well each key fits a query: softmax(Q K^T / sqrt(d)) V.",
            aliases=("self-attention",),
            see=("transformer", "softmax"),
            command="chainrule show layer MultiHeadAttention",
        ),
        Term(
            "transformer",
            (
                "A network of attention and fully connected layers with residual connections; the basis of "
                "language models."
            ),
            aliases=("GPT", "BERT"),
            see=("attention", "residual connection"),
            command="chainrule show layer Transformer",
        ),
        Term(
            "embedding",
            "A table with one learned vector for each word, token or category.",
            see=("token", "one-hot encoding"),
            command="chainrule show layer Embedding",
        ),
        Term(
            "token",
            "A unit of text that a network reads: a character, a word or a part of a word.",
            see=("embedding",),
        ),
        Term(
            "residual connection",
            (
                "y = x + f(x): the input is added to the output, so that the gradient has a path without "
                "weights."
            ),
            aliases=("skip connection",),
            see=("vanishing gradient",),
            command="chainrule show layer Residual",
        ),
        Term(
            "batch normalization",
            (
                "Shifts and scales each feature to mean 0 and variance 1 over the batch, then by two learned "
                "parameters."
            ),
            see=("layer normalization", "batch"),
            command="chainrule show layer BatchNorm",
        ),
        Term(
            "layer normalization",
            (
                "Like batch normalization, but over the features of one sample; it does not depend on the "
                "batch."
            ),
            see=("batch normalization",),
            command="chainrule show layer LayerNorm",
        ),
        Term(
            "dropout",
            (
                "Sets random units to zero during training, so that no unit relies on another; a remedy for "
                "overfitting."
            ),
            see=("overfitting", "regularization"),
            command="chainrule show layer Dropout",
        ),
        Term(
            "function composition",
            (
                "f(g(x)): the output of one function is the input of the next. A network is a composition of "
                "its layers."
            ),
            see=("chain rule", "layer"),
        ),
        Term(
            "derivative",
            (
                "How much a function changes per small change of its input: the limit of (f(x + h) - f(x)) / "
                "h."
            ),
            see=("partial derivative", "gradient"),
        ),
        Term(
            "partial derivative",
            "The derivative by one variable while all others stay constant.",
            see=("derivative", "gradient"),
        ),
        Term(
            "gradient",
            (
                "All partial derivatives of the loss by the parameters; it points where the loss rises "
                "fastest."
            ),
            see=("gradient descent", "backpropagation"),
            command="chainrule example article --depth 2",
        ),
        Term(
            "chain rule",
            (
                "The derivative of a composition is the product of the derivatives: (f(g(x)))' = f'(g(x)) "
                "g'(x). Over several paths the products are added."
            ),
            see=("backpropagation", "local derivative"),
            command="chainrule example article --depth 3",
        ),
        Term(
            "local derivative",
            "The derivative of one operation by its own input, a factor of the chain rule.",
            aliases=("local gradient",),
            see=("chain rule", "upstream gradient"),
        ),
        Term(
            "upstream gradient",
            (
                "The derivative of the loss by the output of an operation; multiplied by the local "
                "derivative it gives the gradient of the input."
            ),
            see=("chain rule", "backpropagation"),
        ),
        Term(
            "error signal",
            (
                "The derivative of the loss by the weighted sums of a layer. It is computed from the layer "
                "after it: δ_l = (W^T δ_(l+1)) * g'(z_l)."
            ),
            aliases=("delta",),
            see=("backpropagation", "weighted sum"),
            command="chainrule example article --depth 3",
        ),
        Term(
            "Jacobian",
            "The matrix of the derivatives of all outputs by all inputs.",
            see=("derivative", "gradient"),
        ),
        Term(
            "computational graph",
            (
                "The operations of a network and the values that pass between them; backpropagation walks it "
                "in reverse."
            ),
            see=("automatic differentiation", "backpropagation"),
        ),
        Term(
            "automatic differentiation",
            ("Computes exact derivatives of a program by applying the chain rule to each of its operations."),
            aliases=("autodiff",),
            see=("chain rule", "computational graph"),
        ),
        Term(
            "forward pass",
            "Computes the outputs and the loss, layer by layer, from the input.",
            aliases=("forward propagation",),
            see=("backpropagation",),
            command="chainrule example article --depth 2",
        ),
        Term(
            "backpropagation",
            (
                "Computes the gradient from the loss back to the first layer by the chain rule; each layer "
                "reuses the error signal of the one after it."
            ),
            aliases=("backprop", "backward pass"),
            see=("chain rule", "error signal"),
            command="chainrule example article --depth 3",
        ),
        Term(
            "vanishing gradient",
            (
                "Gradients that become smaller from layer to layer, since factors below 1 are multiplied; "
                "early layers then hardly learn."
            ),
            see=("exploding gradient", "ReLU"),
            command="chainrule show rule vanishing-gradients",
        ),
        Term(
            "exploding gradient",
            "Gradients that grow from layer to layer until updates are useless or not finite.",
            see=("gradient clipping", "vanishing gradient"),
        ),
        Term(
            "gradient clipping",
            "Scales a gradient down when its norm exceeds a limit.",
            see=("exploding gradient",),
        ),
        Term(
            "dying ReLU",
            (
                "A ReLU unit whose weighted sum is negative for all samples: its output and gradient are 0, "
                "so it cannot recover."
            ),
            aliases=("dead unit",),
            see=("ReLU",),
        ),
        Term(
            "saturation",
            (
                "A unit whose weighted sum lies where the activation function is flat, so that hardly any "
                "gradient passes."
            ),
            see=("sigmoid", "vanishing gradient"),
        ),
        Term(
            "gradient check",
            "Compares derivatives with difference quotients (f(x + h) - f(x - h)) / 2h.",
            aliases=("finite difference",),
            see=("derivative",),
            command="chainrule example article --depth 3",
        ),
        Term(
            "loss function",
            "One number that measures how wrong the outputs are; training makes it smaller.",
            aliases=("loss", "cost", "objective"),
            see=("cross-entropy", "mean squared error"),
            command="chainrule show losses",
        ),
        Term(
            "mean squared error",
            "The mean of the squared differences between prediction and target.",
            aliases=("MSE", "squared error"),
            see=("loss function", "regression"),
            command="chainrule show loss mse",
        ),
        Term(
            "cross-entropy",
            (
                "Minus the logarithm of the probability that the network assigns to the true class, averaged "
                "over samples."
            ),
            aliases=("log loss", "negative log-likelihood"),
            see=("softmax", "classification"),
            command="chainrule show loss cross_entropy",
        ),
        Term("regression", "Predicting a number.", see=("classification", "mean squared error")),
        Term(
            "classification",
            "Predicting one of several classes, usually with a probability for each.",
            see=("regression", "cross-entropy"),
        ),
        Term(
            "label",
            "The value that a network is to predict for a sample, known in the training data.",
            aliases=("target", "ground truth"),
            see=("sample", "loss function"),
            command="chainrule labels --help",
        ),
        Term(
            "sample",
            "One case of the data: a row of a table, an image, a sentence.",
            aliases=("example", "row", "data point"),
            see=("feature", "batch"),
        ),
        Term(
            "feature",
            "One property of a sample that a network receives, such as a column of a table.",
            aliases=("input", "column"),
            see=("sample", "standardization"),
        ),
        Term(
            "batch",
            "The samples whose mean gradient makes one update.",
            aliases=("minibatch",),
            see=("step", "epoch"),
        ),
        Term(
            "step",
            "One update of all parameters from one batch.",
            aliases=("iteration", "update"),
            see=("batch", "epoch"),
        ),
        Term("epoch", "One pass over all training samples.", see=("step", "batch")),
        Term(
            "training",
            "Repeats forward pass, backpropagation and update until the loss is small enough.",
            aliases=("learning", "fitting"),
            see=("forward pass", "backpropagation", "optimizer"),
            command="chainrule train --help",
        ),
        Term(
            "learning rate",
            (
                "The factor of a gradient in an update. Too small: slow; too large: the loss oscillates or "
                "grows."
            ),
            see=("gradient descent", "learning-rate schedule"),
        ),
        Term(
            "learning-rate schedule",
            (
                "A rule that changes the learning rate over the steps, such as a short rise (warmup) and a "
                "slow decay."
            ),
            aliases=("schedule", "warmup"),
            see=("learning rate",),
            command="chainrule show schedules",
        ),
        Term(
            "optimizer",
            "The rule that turns gradients into updates of the parameters.",
            see=("gradient descent", "Adam"),
            command="chainrule show optimizers",
        ),
        Term(
            "gradient descent",
            "Moves each parameter against its gradient: w <- w - learning rate * gradient.",
            see=("learning rate", "stochastic gradient descent"),
            command="chainrule example article --depth 2",
        ),
        Term(
            "stochastic gradient descent",
            "Gradient descent with the gradient of a random batch instead of all samples.",
            aliases=("SGD",),
            see=("batch", "momentum"),
            command="chainrule show optimizer sgd",
        ),
        Term(
            "momentum",
            (
                "Adds a part of the last update to the next, so that steady directions gain speed and "
                "oscillations cancel."
            ),
            see=("optimizer", "Adam"),
            command="chainrule show optimizer sgd",
        ),
        Term(
            "Adam",
            (
                "An optimizer that divides a running mean of gradients by the root of a running mean of "
                "their squares, for each parameter."
            ),
            aliases=("AdamW",),
            see=("momentum", "optimizer"),
            command="chainrule show optimizer adam",
        ),
        Term(
            "weight decay",
            "Shrinks every weight by a small factor at each step, a remedy for overfitting.",
            aliases=("L2 regularization",),
            see=("regularization",),
        ),
        Term(
            "initialization",
            (
                "The random values that weights have before the first step, scaled so that signals keep "
                "their size from layer to layer."
            ),
            aliases=("Xavier", "He"),
            see=("symmetry breaking", "weight"),
            command="chainrule show initializers",
        ),
        Term(
            "symmetry breaking",
            (
                "Units with equal weights have equal gradients and stay equal forever; random initial values "
                "make them differ."
            ),
            see=("initialization",),
        ),
        Term("convergence", "The loss no longer falls noticeably.", see=("divergence", "early stopping")),
        Term(
            "divergence",
            "The loss grows, often without limit; usually the learning rate is too large.",
            see=("learning rate", "convergence"),
            command="chainrule show rules",
        ),
        Term(
            "local minimum",
            "A point with a smaller loss than all points near it, but not always the smallest of all.",
            see=("saddle point", "gradient descent"),
        ),
        Term(
            "saddle point",
            "A point with gradient 0 that is a minimum in some directions and a maximum in others.",
            see=("local minimum",),
        ),
        Term(
            "early stopping",
            "Ends the training when the validation loss no longer falls, and takes the best parameters.",
            see=("overfitting", "validation set"),
        ),
        Term(
            "checkpoint",
            "A file with the state of a training, from which it continues with the same bits.",
            see=("replay", "seed"),
            command="chainrule resume --help",
        ),
        Term("replay", "Computes any past step of a training again, exactly.", see=("checkpoint", "seed")),
        Term(
            "seed",
            (
                "The number from which all random numbers of a training follow; the same seed gives the same "
                "training."
            ),
            see=("initialization", "replay"),
        ),
        Term(
            "ensemble",
            "Several networks whose predictions are averaged; the default for tables.",
            see=("cross-validation",),
            command="chainrule train --help",
        ),
        Term(
            "training set",
            "The samples from which the parameters are learned.",
            see=("validation set", "test set"),
        ),
        Term(
            "validation set",
            "Samples that are not trained on and decide between settings, for example when to stop.",
            see=("test set", "early stopping"),
        ),
        Term(
            "test set",
            "Samples that are used once, at the end, to measure the result.",
            see=("validation set", "data leakage"),
        ),
        Term(
            "cross-validation",
            (
                "Divides the samples into folds; each fold is predicted by a network that was trained on the "
                "others."
            ),
            aliases=("fold",),
            see=("ensemble", "test set"),
            command="chainrule train --help",
        ),
        Term(
            "overfitting",
            (
                "A network that learned the training samples by heart: small training loss, larger "
                "validation loss."
            ),
            see=("regularization", "early stopping"),
            command="chainrule show rules",
        ),
        Term(
            "underfitting",
            "A network that cannot even fit the training samples.",
            see=("overfitting",),
            command="chainrule show rules",
        ),
        Term(
            "generalization",
            "How well a network predicts samples that it was not trained on.",
            see=("overfitting", "test set"),
        ),
        Term(
            "regularization",
            (
                "Anything that limits a network so that it generalizes better: weight decay, dropout, early "
                "stopping, more data."
            ),
            see=("weight decay", "dropout", "early stopping"),
        ),
        Term(
            "augmentation",
            (
                "Changes training samples without changing their label, such as mirrored images, so that "
                "there seem to be more."
            ),
            aliases=("data augmentation",),
            see=("overfitting",),
            command="chainrule show augmentations",
        ),
        Term(
            "standardization",
            (
                "Shifts and scales each feature to mean 0 and standard deviation 1, measured on the training "
                "set."
            ),
            aliases=("normalization of features",),
            see=("feature", "data leakage"),
        ),
        Term(
            "one-hot encoding",
            "A category as a vector with a 1 at its own place and 0 elsewhere.",
            aliases=("dummy variables",),
            see=("embedding",),
        ),
        Term(
            "missing value",
            "A cell without a value; a network receives a substitute and a flag that it was missing.",
            aliases=("NaN", "gap"),
            see=("feature",),
            command="chainrule check --help",
        ),
        Term(
            "data leakage",
            (
                "The inputs contain information that is not available when predicting, so that the scores "
                "are too good."
            ),
            aliases=("leak",),
            see=("test set",),
            command="chainrule check --help",
        ),
        Term(
            "class imbalance",
            "One class has far more samples than another; accuracy then means little.",
            aliases=("rare class",),
            see=("accuracy", "F1 score"),
        ),
        Term(
            "baseline",
            "A simple method whose score a network must exceed to be worth its cost.",
            see=("test set",),
        ),
        Term(
            "accuracy",
            "The share of samples whose class is predicted correctly.",
            see=("class imbalance", "confusion matrix"),
            command="chainrule show metric accuracy",
        ),
        Term(
            "F1 score",
            (
                "2 P R / (P + R), where P (precision) is the share of right alarms and R (recall) the share "
                "of cases that were detected."
            ),
            aliases=("F1", "precision", "recall"),
            see=("confusion matrix", "class imbalance"),
            command="chainrule show metric f1",
        ),
        Term(
            "ROC-AUC",
            "The probability that a random positive sample has a higher score than a random negative one.",
            aliases=("AUC",),
            see=("class imbalance",),
            command="chainrule show metric roc_auc",
        ),
        Term(
            "confusion matrix",
            "Counts of the samples by true class and predicted class.",
            see=("accuracy", "F1 score"),
        ),
        Term(
            "calibration",
            (
                "Of the samples with a probability of 0.8, 80 % should have that class; calibration corrects "
                "probabilities where this does not hold."
            ),
            see=("conformal prediction",),
            command="chainrule calibrate --help",
        ),
        Term(
            "conformal prediction",
            (
                "Intervals or sets of classes that contain the true value at least as often as promised, for "
                "any network."
            ),
            aliases=("prediction interval", "prediction set"),
            see=("calibration",),
            command="chainrule calibrate --help",
        ),
        Term(
            "attribution",
            "How much each input contributed to one prediction.",
            aliases=("saliency", "feature importance"),
            see=("counterfactual",),
            command="chainrule attribute --help",
        ),
        Term(
            "counterfactual",
            "The smallest change of a sample that changes its prediction.",
            see=("attribution", "adversarial example"),
            command="chainrule attribute --help",
        ),
        Term(
            "adversarial example",
            "A sample with a change that is too small to see, but changes the prediction.",
            aliases=("attack",),
            see=("certificate",),
            command="chainrule attack --help",
        ),
        Term(
            "certificate",
            "A proof that no change within a radius changes the prediction.",
            aliases=("verification", "robustness"),
            see=("adversarial example",),
            command="chainrule verify --help",
        ),
        Term(
            "drift",
            "New data differ from the training data, so that the scores no longer hold.",
            see=("test set",),
            command="chainrule drift --help",
        ),
        Term(
            "differential privacy",
            (
                "A bound on how much one sample can change the trained network; the smaller epsilon, the "
                "stronger."
            ),
            aliases=("epsilon", "DP-SGD"),
            see=("membership inference",),
            command="chainrule train --help",
        ),
        Term(
            "membership inference",
            "An attack that decides from a network whether a sample was in its training set.",
            see=("differential privacy",),
            command="chainrule audit --help",
        ),
        Term(
            "fine-tuning",
            (
                "Continues the training of a network that learned from other data, often with its first "
                "layers frozen."
            ),
            aliases=("transfer learning",),
            see=("parameter",),
        ),
        Term(
            "float32",
            (
                "A number with 24 binary digits, about 7 decimal ones; the default of computations. bfloat16 "
                "has 8 binary digits."
            ),
            aliases=("single precision", "bfloat16"),
            see=("gradient check",),
        ),
    )
}
"""All terms by name, in the order in which they are learned."""


def words_of(term: Term) -> tuple[str, ...]:
    """Return the words by which a term is looked up: its names in both languages and its aliases."""
    return (term.name, term.title("zh"), *term.aliases)
