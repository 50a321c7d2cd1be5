"""Monitoring of training: probes, memory, profiles, progress bar, learning-rate finder and engine parity."""
