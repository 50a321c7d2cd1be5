"""The sections of a derivation, one file each."""
