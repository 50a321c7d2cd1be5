"""Volatility of share prices."""
