"""A real dask cluster for tests and benchmarks: programs, as users start them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).parent

#: Folders of the modules that tests send to workers.
PATHS = [str(TESTS), str(TESTS / "many")]


class Cluster:
    """A scheduler and its workers; each `dask worker` is a group of processes.

    folder:      of their logs and files.
    host, via:   address of the scheduler, and words in front of its command.
    environment: more variables for all.
    """

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        via: Sequence[str] = (),
        protocol: str = "tcp",
        environment: dict[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._environment = environment or {}
        self._programs: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        arguments = ["--host", host, "--port", "0", "--protocol", protocol, "--no-dashboard"]
        self.scheduler = self._start(via, "scheduler", *arguments, "--scheduler-file", str(file))
        wait_until(lambda: file.exists() and '"address"' in file.read_text())
        self.address = file.read_text().partition('"address": "')[2].partition('"')[0]
        self.engine = f"dask:{self.address}"

    def add_host(
        self, workers: int = 1, threads: int = 1, via: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start workers, and their nanny, as on one machine; do not wait for them."""
        return self._start(
            via, "worker", self.address, "--nthreads", str(threads), "--nworkers", str(workers),
            "--no-dashboard", "--local-directory", str(self._folder), **environment,
        )  # fmt: skip

    def remove_hosts(self) -> None:
        """Kill all workers."""
        for program in self._programs[1:]:
            kill(program)
        del self._programs[1:]

    def close(self) -> None:
        """Kill everything."""
        self.remove_hosts()
        kill(self.scheduler)

    def _start(
        self, via: Sequence[str], what: str, *arguments: str, **environment: str
    ) -> subprocess.Popen[bytes]:
        paths = [*PATHS, os.environ.get("PYTHONPATH", "")]
        defaults = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        with (self._folder / f"{what}.log").open("ab") as log:
            program = subprocess.Popen(
                [*via, sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments],
                env={**os.environ, **defaults, **self._environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._programs.append(program)
        return program


def kill(program: subprocess.Popen[bytes]) -> None:
    """Kill a program and its children."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def wait_until(is_so: Callable[[], bool], seconds: float = 240) -> None:
    """Look again and again until it is so; the machine may be busy."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
