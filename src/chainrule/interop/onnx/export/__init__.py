"""Networks as ONNX files: the graph of a network, its preparation and its labels as operations of ONNX."""

OPSET = 18
"""The version of the operations, by default."""

TEXTS = 20
"""The version that defines operations on texts, which a table with columns of texts needs."""
