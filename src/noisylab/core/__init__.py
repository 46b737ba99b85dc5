"""Sets of images, errors and files: no torch, and nothing else of the package."""
