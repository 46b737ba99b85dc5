"""Noticing the end of the process that started this one, such as a DVC that was killed."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_SECONDS = 0.5  # between two checks


def is_running(pid: int) -> bool:
    """Whether a process of any user has this id."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True


def when_orphaned(act: Callable[[], None], parent: int | None = None) -> None:
    """Call `act`, in a thread, when the process that started this one has ended.

    DVC runs commands through a shell, and some shells wait for the command instead of being
    replaced by it. If the parent is such a shell, the end of the shell's own parent counts as well.

    parent: id of the process that started this one, if known; it may have ended already.
    """
    watched = {os.getpid(): os.getppid() if parent is None else parent}
    if _is_waiting_shell(os.getppid()):
        watched[os.getppid()] = _parent(os.getppid())

    def watch() -> None:
        while all(_parent(process) == before for process, before in watched.items()):
            time.sleep(_SECONDS)
        act()

    threading.Thread(target=watch, daemon=True).start()


def _is_waiting_shell(process: int) -> bool:
    """Whether the process is `sh -c` with the command line of this process."""
    try:
        arguments = Path(f"/proc/{process}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # systems without /proc: their shells are replaced by the command
        return False
    return (
        len(arguments) > 2 and arguments[-2] == b"-c" and os.fsencode(sys.argv[0]) in arguments[-1]
    )


def _parent(process: int) -> int:
    """Id of the current parent of the process; 0 if the process has ended."""
    if process == os.getpid():
        return os.getppid()
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])
