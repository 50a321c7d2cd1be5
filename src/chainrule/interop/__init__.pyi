# Written by python -m pages.stub from __init__.py.

from chainrule.interop.export.formats import Exported as Exported
from chainrule.interop.export.formats import FORMATS as FORMATS
from chainrule.interop.export.formats import TOLERANCE as TOLERANCE
from chainrule.interop.export.formats import differences as differences
from chainrule.interop.export.formats import export_model as export_model
from chainrule.interop.export.formats import export_notices as export_notices
from chainrule.interop.export.formats import require_own as require_own
from chainrule.interop.file_reader import is_weights as is_weights
from chainrule.interop.file_reader import read_tensors as read_tensors
from chainrule.interop.file_reader import read_weights as read_weights
from chainrule.interop.keras.network import state_of_keras as state_of_keras
from chainrule.interop.lazy_tensor import Tensor as Tensor
from chainrule.interop.loading import load_weights as load_weights
from chainrule.interop.onnx.examples import examples_of as examples_of
from chainrule.interop.onnx.model import state_of_onnx as state_of_onnx
from chainrule.interop.onnx.network import OnnxNetwork as OnnxNetwork
from chainrule.interop.onnx.network import load_onnx as load_onnx
from chainrule.interop.report import WeightsReport as WeightsReport
from chainrule.interop.torch.names import FAMILIES as FAMILIES
from chainrule.interop.torch.names import Family as Family
from chainrule.interop.torch.state_dict import torch_state_of as torch_state_of
from chainrule.interop.torch.transformers_folder import state_of_folder as state_of_folder
