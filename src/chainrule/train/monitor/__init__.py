"""Monitoring: probes, memory, profiles, progress bars, the learning-rate finder and engine parity."""
