"""Checkpoints and model files: what is saved, and how a training resumes or is replayed from it."""
