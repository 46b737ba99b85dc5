"""A page in the browser on which a person decides about labels, an image at a time."""
