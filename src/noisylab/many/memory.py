"""How a process that trains keeps its memory."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEEP_BYTES = 2**25  # the most that glibc takes for the latter


@cache
def keep_freed_memory() -> None:
    """Have malloc keep what torch frees and wants again at the next step.

    Else a process that has never freed a larger block returns it to the system, and gets it again
    page by page: a fifth of a training's processor time, and more with what dask sets for workers.
    """
    with suppress(OSError, AttributeError):  # no glibc
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _KEEP_BYTES)
