"""The fixed network and how it learns."""
