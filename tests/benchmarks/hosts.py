"""Cut the link between two hosts during a sweep: `python tests/benchmarks/hosts.py`, as root.

The scheduler, a worker and this program run in one Linux network namespace, a second worker in
another, joined by a virtual cable. While both train, the cable is pulled and the scheduler gets no
notice. The sweep must produce the same bytes as without a cluster.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from distributed import Client
from speed import noise

from noisylab.config.params import read_params
from noisylab.learning.kept import Kept
from noisylab.learning.training import Epoch
from noisylab.many.progress import Unwatched, Watch
from noisylab.many.trainer import Trainer
from noisylab.sweep.run import Sweep, sweep, trainings

sys.path.append(str(Path(__file__).parents[1]))
from clusters import Cluster

HERE, THERE = "noisylab-here", "noisylab-there"
ADDRESSES = {HERE: "192.0.2.1", THERE: "192.0.2.2"}  # from a network reserved for documentation
CUT_AFTER = 2  # trainings
EPOCHS = 10
START = time.monotonic()
INSIDE = "NOISYLAB_HOSTS"


def main() -> None:
    if os.environ.get(INSIDE):
        measure()
        return
    if os.geteuid() != 0 or not shutil.which("ip"):
        sys.exit("hosts.py creates network namespaces; run it as root, with iproute2 installed")
    with two_hosts():
        command = [*inside(HERE), sys.executable, *sys.argv]
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "yes"}, check=False).returncode)


@contextmanager
def two_hosts() -> Iterator[None]:
    try:
        for name in ADDRESSES:
            ip("netns", "add", name)
        ends = ["cable", "netns", HERE, "type", "veth", "peer", "name", "cable", "netns", THERE]
        ip("link", "add", *ends)
        for name, address in ADDRESSES.items():
            ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "cable", "up")
        yield
    finally:
        for name in ADDRESSES:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)


def measure() -> None:
    expected = run("local")
    say(f"{len(expected.outcomes)} trainings finished on this machine, as the reference")
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), host=ADDRESSES[HERE])
        try:
            cluster.add_host()
            cluster.add_host(via=inside(THERE))
            threading.Thread(target=say_workers, args=[cluster.address], daemon=True).start()
            found = run(cluster.engine, CuttingWatch())
            say("the sweep ended")
        finally:
            cluster.close()
    same = [
        ours.trained.weights == theirs.trained.weights
        and ours.trained.history == theirs.trained.history
        for ours, theirs in zip(found.outcomes, expected.outcomes, strict=True)
    ]
    say(f"results identical to the reference: {sum(same)} of {len(same)}")
    sys.exit(not all(same))


SILENT = Unwatched()


class CuttingWatch(Unwatched):
    """Prints when each training ends, and pulls the cable after CUT_AFTER of them."""

    n_ended = 0

    def epoch(self, index: int, epoch: Epoch) -> None:
        self.n_ended += 1
        say(f"training {self.n_ended} ended")
        if self.n_ended == CUT_AFTER:
            ip("-n", THERE, "link", "set", "cable", "down")
            say("cable pulled")


def say_workers(address: str) -> None:
    """Print the scheduler's number of workers whenever it changes."""
    known = -1
    with Client(address) as client:
        while True:
            found = len(client.sync(client.scheduler.ncores))
            if found != known:
                say(f"the scheduler has {found} workers")
            known = found
            time.sleep(0.2)


def say(what: str) -> None:
    print(f"{time.monotonic() - START:6.1f} s  {what}", flush=True)


def run(engine: str, watch: Watch = SILENT) -> Sweep:
    params = read_params("params.yaml")
    kept = params.train_fixed.runs[params.train_fixed.keep]
    recipe = replace(kept, distillation=0.0, device="cpu")  # noise has no teacher's probabilities
    sets = {"train": noise(5625), "dev": noise(625)}
    with tempfile.TemporaryDirectory() as folder:
        wanted = trainings(replace(params.lr_sweep, epochs=EPOCHS), recipe, params.seed)
        return sweep(sets, wanted, Trainer(Kept(folder), engine, watch))


def inside(name: str) -> list[str]:
    return ["ip", "netns", "exec", name]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    main()
