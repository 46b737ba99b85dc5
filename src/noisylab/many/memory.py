"""Settings of malloc for a process that trains."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEEP_BYTES = 2**25  # the most that glibc takes for the latter


@cache
def keep_freed_memory() -> None:
    """Have malloc keep the memory that a step frees for the next step.

    By default a process returns it to the system and gets it back page by page: that takes a
    fifth of a training's processor time, and more with dask's settings for workers.
    """
    with suppress(OSError, AttributeError):  # no glibc
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _KEEP_BYTES)
