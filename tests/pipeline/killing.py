"""Kill stages run by DVC at random moments, and check the state after the next run."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from noisylab.data.set_files import dump_set
from noisylab.data.sources import read_source

from .conftest import PARAMS, ROOT, Clone, environment, make_clone

SIZES = {"train": 400, "dev": 100, "test": 60}
EPOCHS = {
    "epochs: 40\n": "epochs: 8\n",
    "epochs: 57\n": "epochs: 8\n",
}
HOW = (
    *(("all", signal.SIGINT), ("all", signal.SIGKILL)),
    *(("dvc", signal.SIGTERM), ("dvc", signal.SIGKILL)),
    *(("stage", signal.SIGTERM), ("stage", signal.SIGKILL)),
)
END_SECONDS = 30  # for the remaining processes of a killed run to end


@dataclass
class Tally:
    """Counts of kills, checks and repairs, and all failures."""

    kills: Counter[str] = field(default_factory=Counter)
    by_stage: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    tracebacks: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def small_clone(folder: Path) -> Clone:
    """A clone with a few hundred of the bundled images and few epochs."""
    source = folder / "images"
    source.mkdir()
    for split, part in read_source(str(ROOT / "data/source")).sets.items():
        step = len(part) // SIZES[split]
        (source / f"{split}.pickle").write_bytes(dump_set(part.subset(range(0, len(part), step))))
    params = {**PARAMS, **EPOCHS, "source: data/source ": f"source: {source} "}
    params |= {"engine: local ": "engine: local:2 "}
    (folder / "clone").mkdir()
    return make_clone(folder / "clone", params)


def seconds(clone: Clone, stage: str) -> float:
    """Seconds that DVC takes to run a stage for the first time."""
    start = time.monotonic()
    clone.run("dvc", "repro", "--single-item", stage)
    return time.monotonic() - start


def chain(clone: Clone, stage: str, length: float, rng: random.Random, tally: Tally) -> float:
    """Kill one to six runs of a stage in a row, each starting from what the last one left.

    length: seconds of an undisturbed run. Returns a shorter one if runs ended before the kill.
    """
    shutil.rmtree(clone.folder / "finished", ignore_errors=True)
    command = ["dvc", "repro", "--single-item", "--force", stage]
    for _ in range(rng.randint(1, 6)):
        whom, number = rng.choice(HOW)
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                command,
                cwd=clone.folder,
                env=environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            with suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, length))
                length *= 0.8  # ended before the kill
            if kill(process, whom, number):
                name = f"{signal.Signals(number).name} to {whom}"
                tally.kills[name] += 1
                tally.by_stage[stage] += 1
            process.wait()
            if rng.random() < 0.5:
                wait_for_rest(clone)
            output.seek(0)
            if "Traceback" in output.read():
                tally.tracebacks[f"{signal.Signals(number).name} to {whom}"] += 1
        command = ["dvc", "repro", "--single-item", stage]
    return length


def kill(process: subprocess.Popen[bytes], whom: str, number: signal.Signals) -> bool:
    """Send the signal; False if DVC had already ended."""
    if process.poll() is not None:
        return False
    if whom == "all":
        os.killpg(process.pid, number)
        return True
    if whom == "dvc":
        process.send_signal(number)
        return True
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any(part.startswith("stages/") for part in child.cmdline()):
                child.send_signal(number)
                return True
    process.send_signal(number)  # the stage has not started, or has ended
    return True


def rest(clone: Clone) -> list[psutil.Process]:
    """Processes whose working directory is the clone."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(clone.folder):
                found.append(process)
    return found


def wait_for_rest(clone: Clone) -> list[psutil.Process]:
    """Processes that are still in the clone after END_SECONDS."""
    deadline = time.monotonic() + END_SECONDS
    while (left := rest(clone)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def check(clone: Clone, stage: str, expected: dict[str, str], tally: Tally) -> None:
    """Run the steps of `make repro` for the stage, and record every difference."""
    tally.checks += 1
    for line in clone.run(sys.executable, "-m", "noisylab.repair").splitlines():
        tally.repairs[line] += 1
    try:
        clone.run("dvc", "repro", "--single-item", stage)
    except AssertionError as error:
        tally.wrong.append(f"{stage}: the next run failed: {error}")
        return
    outputs = clone.outputs()
    different = sorted(
        name for name in outputs.keys() | expected if outputs.get(name) != expected.get(name)
    )
    if different:
        tally.wrong.append(f"{stage}: other bytes in {', '.join(different)}")
    if left := wait_for_rest(clone):
        tally.wrong.append(f"{stage}: left running: {left}")
    if partial := [str(path) for path in clone.folder.rglob(".*.partial")]:
        tally.wrong.append(f"{stage}: half written: {', '.join(partial)}")
