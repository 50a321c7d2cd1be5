"""The attacks: each file has one class of ``robustness.method.ATTACKS``."""
