"""The command line: ``chainrule train``, ``predict``, ``explain`` and the other commands."""
