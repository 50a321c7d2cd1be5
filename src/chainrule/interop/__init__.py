"""Import of weights from other libraries, and export of models to other programs.

Input: a file of another library (safetensors, PyTorch) and a network. Output: the parameters of the network,
and a report that states for each of them its source and how it was converted. This package never executes
anything from a file, and returns no types of other libraries.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "torch.names": "Family FAMILIES",
        "loading": "load_weights",
        "onnx.network": "OnnxNetwork load_onnx",
        "onnx.model": "state_of_onnx",
        "file_reader": "is_weights read_tensors read_weights",
        "report": "WeightsReport",
        "lazy_tensor": "Tensor",
        "torch.state_dict": "torch_state_of",
        "torch.transformers_folder": "state_of_folder",
        "keras.network": "state_of_keras",
        "export.formats": "Exported FORMATS TOLERANCE differences export_model export_notices require_own",
        "onnx.examples": "examples_of",
    },
)
__getattr__, __dir__ = _LAZY.hooks
