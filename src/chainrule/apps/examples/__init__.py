"""Small networks to run and to read: ``chainrule example NAME``, or ``python -m
chainrule.apps.examples.NAME``."""
