"""Recognition of faces: embeddings, verification of pairs, people that were not trained."""
