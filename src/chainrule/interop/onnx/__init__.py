"""ONNX files of feed-forward networks: read with bounded sizes, without external data, as graphs of nodes."""

from chainrule.interop.onnx.network import OnnxNetwork, read_onnx

__all__ = ["OnnxNetwork", "read_onnx"]
