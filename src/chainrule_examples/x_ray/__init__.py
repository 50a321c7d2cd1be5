"""X-ray images of the chest: pneumonia or not."""
