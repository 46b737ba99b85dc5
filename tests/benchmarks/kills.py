"""Kill the pipeline at random moments and check that the next run recovers.

`python tests/benchmarks/kills.py [KILLS] [SEED]`: 120 kills by default, about ten minutes on an
idle machine. DVC runs each stage in turn in a small clone. The stage is killed one to six times in
a row: by Ctrl-C, SIGTERM or SIGKILL, sent to DVC, the stage or all processes, at a random moment
within the length of an undisturbed run. Half of the time the next run starts at once, while killed
processes may still be ending. Then the steps of `make repro` run. Every output must have its old
bytes, and no process or half-written file may remain.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import yaml

sys.path[:0] = [str(Path(__file__).parents[1])]
from pipeline.conftest import ROOT  # noqa: E402
from pipeline.killing import Tally, chain, check, seconds, small_clone  # noqa: E402

STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])


def main() -> None:
    n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        clone = small_clone(Path(folder))
        lengths = {stage: seconds(clone, stage) for stage in STAGES}
        expected = clone.outputs()
        print(
            "seconds of a run:", ", ".join(f"{n} {s:.1f}" for n, s in lengths.items()), flush=True
        )
        while tally.kills.total() < n_kills:
            stage = STAGES[tally.checks % len(STAGES)]
            lengths[stage] = chain(clone, stage, lengths[stage], rng, tally)
            check(clone, stage, expected, tally)
            print(f"{tally.kills.total()} kills, {tally.checks} checks", *tally.wrong, flush=True)
    report(tally, len(expected))


def report(tally: Tally, n_files: int) -> None:
    """Print the counts."""
    for title, counts in (
        ("kills", tally.kills),
        ("kills in stage", tally.by_stage),
        ("tracebacks after", tally.tracebacks),
        ("repaired:", tally.repairs),
    ):
        for name, count in sorted(counts.items()):
            print(f"{title} {name}: {count}")
    for line in tally.wrong:
        print(line)
    print(
        f"{tally.kills.total()} kills, {tally.checks} checks of the next run: "
        f"{len(tally.wrong)} failures (other bytes in any of {n_files} files, a leftover process, "
        "a half-written file)"
    )
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
