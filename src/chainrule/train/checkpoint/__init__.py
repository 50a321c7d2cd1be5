"""Checkpoints and model files: saving, resuming and replaying a training, and the identity of a training."""
