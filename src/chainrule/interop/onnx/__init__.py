"""ONNX files: their graphs as nodes of ours, with bounded sizes; nothing in a file is executed."""

from chainrule.interop.onnx.network import OnnxNetwork, load_onnx
from chainrule.interop.onnx.verified import FeedForward, read_onnx

__all__ = ["FeedForward", "OnnxNetwork", "load_onnx", "read_onnx"]
