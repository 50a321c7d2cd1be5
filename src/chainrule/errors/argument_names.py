"""Argument names of PyTorch, Keras and scikit-learn, with the arguments of chainrule that correspond to them.

``translated`` converts one foreign argument to arguments of chainrule. A row of the table may list several
names of chainrule: the first one in the signature of the callee applies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from chainrule.messages import fact

_TABLE = """
lr, learning_rate, learning_rate_init, initial_learning_rate, initial_lr, max_lr = learning_rate
lr, learning_rate, initial_lr = initial_learning_rate
lr, learning_rate, max_lr = max_learning_rate
rate = learning_rate
eps, epsilon = epsilon
decay, wd = weight_decay
momentum, beta = momentum
alpha = rho
use_bias = bias
out_features, hidden_size, units, hidden_dim, hidden_units, n_units = units
output_dim, embedding_dim, neurons = units
filters, out_channels, n_filters = channels
kernel, filter_size = kernel_size
pool_size, window = kernel_size
strides = stride
dilation_rate = dilation
p, prob, drop_prob, dropout_rate, rate = rate dropout p
num_heads, n_heads, nhead = heads
n_layers, layers = num_layers
num_embeddings, input_dim, vocab_size, num_words, vocabulary = vocabulary_size
act, activation_fn, nonlinearity, activation_function = activation
kernel_initializer, weight_init, init = weight_initializer
bias_init = bias_initializer
recurrent_init = recurrent_initializer
kernel_regularizer, regularizer, weight_penalty = penalty
affine, elementwise_affine = scale
center = shift
target_shape, unflattened_size = shape
join = merge_mode mode
tol, threshold = min_delta
n_epochs, num_epochs, nb_epoch, max_epochs, max_iter, num_train_epochs, n_iter, iterations = epochs
batch, bs, batchsize, per_device_train_batch_size = batch_size
validation_split, validation_data, validation_fraction, val_data, val, eval_set = validation
random_state, random_seed = seed
callback = callbacks
optim, opt, solver = optimizer
criterion, loss_fn, loss_function, objective = loss
net, network, module = net
regularizer, regularization = penalty
metric = metrics
classes, class_weights = class_weight
sample_weights = sample_weight
clipnorm, max_grad_norm, gradient_clip_val = clip
checkpoint_dir, output_dir, log_dir, default_root_dir = run
warmstart = warm_start
device, name, inplace, jit_compile, run_eagerly, num_workers, n_jobs, workers, pin_memory, requires_grad =
trainable, input_shape, batch_input_shape, in_features, in_channels, input_size, batch_first, data_format =
restore_best_weights, save_best_only, use_multiprocessing, max_queue_size =
foreach, fused, maximize, capturable, differentiable =
"""
# Arguments that combine several, and arguments with other names and other values.
_COMBINED: Mapping[str, tuple[str, ...]] = {"betas": ("beta1", "beta2")}
_VALUES: Mapping[tuple[str, Any], tuple[str, Any]] = {
    ("return_sequences", True): ("returns", "sequence"),
    ("return_sequences", False): ("returns", "last"),
    ("go_backwards", True): ("reverse", True),
}
# Arguments that belong elsewhere: callee and argument, with the explanation.
_ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("Group", "lr"): fact("learning_rate_factor multiplies the learning rate of the optimizer"),
    ("Group", "learning_rate"): fact("learning_rate_factor multiplies the learning rate of the optimizer"),
    ("fit", "lr"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("fit", "learning_rate"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("fit", "optimizer"): fact("the model has the optimizer: cr.Model(net, loss, cr.Adam(0.001))"),
    ("fit", "loss"): fact("the model has the loss: cr.Model(net, loss, cr.Adam(0.001))"),
    ("fit", "loss_weights"): fact(
        "the model has the loss weights: cr.Model(net, losses, loss_weights={{...}})"
    ),
    ("Model", "lr"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("Model", "learning_rate"): fact("the optimizer has the learning rate: cr.Adam(0.001)"),
    ("Model", "epochs"): fact("an argument of fit"),
    ("Model", "batch_size"): fact("an argument of fit"),
}
REASONS: Mapping[str, str] = {
    "restore_best_weights": fact("the best weights are always restored"),
    "device": fact("arrays stay in the memory of the CPU"),
    "in_features": fact("inferred from the input"),
    "in_channels": fact("inferred from the input"),
    "input_size": fact("inferred from the input"),
    "input_shape": fact("inferred from the input"),
    "batch_first": fact("the batch is always the first axis"),
    "data_format": fact("channels are always the last axis"),
}


def _rows() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for line in filter(None, _TABLE.splitlines()):
        names, _, ours = line.partition("=")
        for name in names.strip().split(", "):
            table[name] = (*table.get(name, ()), *ours.split())
    return table


ARGUMENTS = _rows()


def translated(name: str, value: Any, known: Collection[str], callee: str = "") -> dict[str, Any] | None:
    """Translate an argument of another library.

    Args:
        name: the foreign argument.
        known: the arguments of the callee.
        callee: name of the class or function.

    Returns:
        Arguments with values; empty if the argument is not needed; ``None`` if the name is unknown.

    Example:
        >>> translated("lr", 0.1, ["learning_rate", "momentum"]), translated("device", "cpu", ["units"])
        ({'learning_rate': 0.1}, {})
        >>> translated("betas", (0.9, 0.99), ["beta1", "beta2"])
        {'beta1': 0.9, 'beta2': 0.99}
    """
    if (callee, name) in _ELSEWHERE:
        return {}
    if isinstance(value, bool) and (pair := _VALUES.get((name, value))) and pair[0] in known:
        return dict([pair])
    parts = _COMBINED.get(name, ())
    if parts and set(parts) <= set(known) and isinstance(value, list | tuple) and len(value) == len(parts):
        return dict(zip(parts, value, strict=True))
    ours = next((own for own in ARGUMENTS.get(name, ()) if own in known), None)
    if ours is not None:
        return {ours: value}
    return {} if ARGUMENTS.get(name) == () else None


def reason(name: str, callee: str = "") -> str:
    """Return why an argument of another library is not needed; ``""`` if no reason is listed.

    Example:
        >>> reason("batch_first"), reason("activation")
        ('the batch is always the first axis', '')
    """
    return _ELSEWHERE.get((callee, name)) or REASONS.get(name, "")
