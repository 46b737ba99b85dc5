"""A real dask cluster for tests and benchmarks, started with the commands that users run."""

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


class Cluster:
    """A scheduler and its hosts; each host is one `dask worker` command, a group of processes.

    folder: holds logs and files. host: the scheduler's address. via: prefix of its command.
    environment: extra variables for all processes.
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
        """Start workers and the process that restarts them; return without waiting for them."""
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
        paths = [str(TESTS), str(TESTS / "many"), os.environ.get("PYTHONPATH", "")]
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


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until the condition holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
