"""PyTorch's own sample inputs as the oracle: tables that say how each of its names is called here.

``torch.testing._internal`` holds, for every operation, module and optimizer, the inputs PyTorch tests itself
with. A row of ``OPERATIONS`` or ``MODULES`` builds the nodes that should give the same; ``oracle`` runs both.
A sample whose options are not there is ``UnsupportedError``, with the reason in a word or two.
"""
