"""Solubility of molecules: a network on their graphs."""
