"""Files of Keras 3: ``.keras``, an archive with ``config.json`` and ``model.weights.h5``, and ``.h5``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.errors import FileError, fact, message_of
from chainrule.interop.keras.hdf5_reader import is_hdf5, read_hdf5
from chainrule.interop.keras.layers import Stored
from chainrule.interop.lazy_tensor import Tensor
from chainrule.interop.refusals import broken, clipped
from chainrule.interop.settings_of_file import invalid
from chainrule.interop.torch.pt_file import ZipError, is_zip, members_of
from chainrule.records import frozen
from chainrule.store import atomic_write, json_document

CONFIG_LIMIT = 2**26  # bytes of the description of a network
_RANDOM = ("seed_generator", "random_generator")  # states of random numbers
LOSSES = {
    "mean_squared_error": "mse",
    "mse": "mse",
    "mean_absolute_error": "mae",
    "mae": "mae",
    "huber": "huber",
    "sparse_categorical_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
}
"""Our losses by the names of Keras."""


@frozen(eq=False)
class KerasFile:
    """The content of a file.

    Args:
        where: its name, for errors.
        size: its bytes.
        config: the description of the network.
        tensors: the weights: by their place in a ``.keras`` file, by layer and number in an ``.h5`` file.
        loss: our name of the loss of the training; ``None`` if it is not stated.
        layers: in an ``.h5`` file the names of the layers; empty in a ``.keras`` file.
    """

    where: str
    size: int
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    loss: str | None
    layers: tuple[str, ...] = ()

    def names(self, stored: Sequence[tuple[str, Stored]]) -> dict[int, str]:
        """Return the name of each array of a network in ``tensors``.

        Args:
            stored: the arrays, each with the name of the outermost layer.
        """
        if not self.layers:
            return {i: one.place for i, (_, one) in enumerate(stored)}
        names: dict[int, str] = {}
        for layer in dict.fromkeys(layer for layer, _ in stored):
            own = [i for i, (name, _) in enumerate(stored) if name == layer]
            ordered = sorted(own, key=lambda i: not stored[i][1].is_trained)  # weights, then statistics
            names |= {i: f"{layer}/{number}" for number, i in enumerate(ordered)}
        return names


def read_keras(path: str | os.PathLike[str]) -> KerasFile:
    """Return the content of a file of Keras.

    Raises:
        FileError: E401 to E410 it cannot be read; E450 a file of another format; E451 damaged; E456 an
            unsupported dtype; E471 a description that is damaged.
    """
    where, data = str(path), atomic_write.read(path)
    if is_hdf5(data):
        return _of_hdf5(data, where)
    if not is_zip(data):
        raise _not_keras(where, fact("an empty file") if not data else fact("a file of another format"))
    try:
        members = {name: member.read(data) for name, member in members_of(data).items()}
    except ZipError as cause:
        expected = fact("a complete zip archive, its members uncompressed")
        raise broken(where, expected, message_of(cause)) from cause
    lacking = [name for name in ("config.json", "model.weights.h5") if name not in members]
    if lacking:
        raise _not_keras(where, fact("a zip archive without {names}", names=", ".join(lacking)))
    config = _document(bytes(members["config.json"][: CONFIG_LIMIT + 1]), f"{where}, config.json")
    content = read_hdf5(members["model.weights.h5"], where)
    tensors = {
        name: tensor
        for name, tensor in content.tensors.items()
        if name.startswith("layers/") and not any(word in name for word in _RANDOM)
    }
    return KerasFile(where, len(data), config, tensors, _loss(config.get("compile_config")))


def _of_hdf5(data: bytes, where: str) -> KerasFile:
    """Return the content of an ``.h5`` file with the description of a network."""
    content = read_hdf5(data, where)
    facts = content.attributes.get("", {})
    if not isinstance(facts.get("model_config"), str):
        raise _not_keras(where, fact("an HDF5 file without the description of a network"))
    config = _document(facts["model_config"].encode(), f"{where}, model_config")
    training = facts.get("training_config")
    stated = _document(training.encode(), where) if isinstance(training, str) else None
    tensors: dict[str, Tensor] = {}
    layers = _texts(content.attributes.get("model_weights", {}), "layer_names")
    for layer in layers:
        place = f"model_weights/{layer}"
        for i, name in enumerate(_texts(content.attributes.get(place, {}), "weight_names")):
            if f"{place}/{name}" not in content.tensors:
                raise broken(where, fact("the array {name}", name=clipped(name)), fact("none"))
            tensors[f"{layer}/{i}"] = content.tensors[f"{place}/{name}"]
    return KerasFile(where, len(data), config, tensors, _loss(stated), tuple(layers) or ("",))


def _texts(attributes: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of texts, which a long list has in several attributes."""
    numbered = [f"{name}{i}" for i in range(len(attributes)) if f"{name}{i}" in attributes]
    values = [attributes[one] for one in ([name] if name in attributes else numbered)]
    return [text for value in values for text in (value if isinstance(value, list) else [value])]


def _document(content: bytes, where: str) -> Mapping[str, Any]:
    if len(content) > CONFIG_LIMIT:
        raise invalid(where, fact("at most {limit:,} bytes", limit=CONFIG_LIMIT), fact("more"))
    try:
        value = json_document.from_text(content.decode())
    except ValueError as cause:
        raise invalid(where, fact("strict JSON"), str(cause)) from cause
    if not isinstance(value, dict):
        raise invalid(where, fact("a JSON object"), str(value))
    return value


def _loss(compiled: object) -> str | None:
    """Return our loss for the one that a model was compiled with."""
    loss = compiled.get("loss") if isinstance(compiled, Mapping) else None
    if isinstance(loss, Mapping):
        config = loss.get("config")
        loss = config.get("name", loss.get("class_name")) if isinstance(config, Mapping) else config
    return LOSSES.get(loss) if isinstance(loss, str) else None


def _not_keras(where: str, received: str) -> FileError:
    return FileError(
        "E450",
        where=where,
        expected=fact("a .keras or .h5 file of Keras 3 with its network"),
        received=received,
        fix=fact('in Keras: model.save("model.keras")'),
    )
