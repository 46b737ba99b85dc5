"""Noticing that the process which started this one is gone, as DVC when it is killed."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_SECONDS = 0.5  # between two looks


def is_running(pid: int) -> bool:
    """Whether there is a process of that number, whoever's it is."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def when_orphaned(act: Callable[[], None], parent: int | None = None) -> None:
    """Call `act` once the process that started this one has ended, in a thread of its own.

    A shell that was started only to wait for this one does not count, but what started the shell:
    DVC runs a command through $SHELL or /bin/sh, and not every shell is replaced by its command.

    parent: the process that started this one, where that is known: it may be gone by now.
    """
    watched = {os.getpid(): os.getppid() if parent is None else parent}
    if _is_waiting_shell(os.getppid()):
        watched[os.getppid()] = _parent(os.getppid())

    def look() -> None:
        while all(_parent(process) == parent for process, parent in watched.items()):
            time.sleep(_SECONDS)
        act()

    threading.Thread(target=look, daemon=True).start()


def _is_waiting_shell(process: int) -> bool:
    """Whether that process is `sh -c` with the command line of this one."""
    try:
        arguments = Path(f"/proc/{process}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # no /proc: the shells of such systems are replaced
        return False
    return (
        len(arguments) > 2 and arguments[-2] == b"-c" and os.fsencode(sys.argv[0]) in arguments[-1]
    )


def _parent(process: int) -> int:
    """The process that started it, or took it over; 0 if it is gone itself."""
    if process == os.getpid():
        return os.getppid()
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])
