"""Sets of images, errors and files; imports neither torch nor other parts of noisylab."""
