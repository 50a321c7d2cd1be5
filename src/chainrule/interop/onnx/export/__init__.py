"""Networks as ONNX files: the graph of a network, its preparation and its labels as operations of ONNX."""
