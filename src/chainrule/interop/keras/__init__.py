"""Models of Keras 3: files are read, and their layers become our own, without running any code.

hdf5_reader.py   the arrays and attributes of an HDF5 file
files.py     ``.keras`` and ``.h5``: the description of the network and the weights of each layer
layers.py    our layer for each of Keras's, and where its weights are
network.py   the connections of the layers, and the loading of the model
"""
