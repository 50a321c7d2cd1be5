"""Translation of the texts of programs."""
