"""Noticing that the process which started this one is gone, as DVC when it is killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

_SECONDS = 0.5  # between two looks


def when_orphaned(act: Callable[[], None]) -> None:
    """Call `act` once the process that started this one has ended, in a thread of its own."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        act()

    threading.Thread(target=look, daemon=True).start()
