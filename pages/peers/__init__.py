"""The names of other libraries.

``torch_names.py`` lists those of the installed PyTorch, ``keras.py`` reads them from a wheel without
executing it. The TOML files contain the equivalents that cannot be derived from the name.
"""
