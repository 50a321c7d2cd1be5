"""PyTorch's sample inputs as an oracle: tables with the counterpart of each of its names.

``torch.testing._internal`` has, for every operation, module and optimizer, the inputs of PyTorch's own tests.
An entry of ``OPERATIONS`` or ``MODULES`` builds nodes that should have equal values; ``oracle`` compares.
A sample with an option that is not supported raises ``UnsupportedError`` with the reason in a word or two.
"""
