"""The names of other libraries: ``torch_names.py`` asks the installed PyTorch, ``keras.py`` reads a wheel
without running it; the TOML files say what a name is called here where the name alone does not."""
