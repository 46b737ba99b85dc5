"""`params.yaml`, checked, as frozen dataclasses."""
