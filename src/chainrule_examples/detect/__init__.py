"""Detection of cells in images of blood: a network of centers and sizes."""
