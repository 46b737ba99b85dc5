"""Kill the pipeline at random moments, and see whether the next run makes it good.

`python tests/benchmarks/kills.py [KILLS] [SEED]`: by default 120 kills, some ten minutes on an idle
machine. Each stage in turn is run by DVC in a small clone, and one to six times in a row killed:
by Ctrl-C, SIGTERM or SIGKILL, to DVC, to the stage or to all, at a moment drawn from the length of
an undisturbed run. Half of the time the next run begins at once, while what is left of the killed
one may still be ending. Then what `make repro` does is done, and every output must have the bytes
that it had before; no process may be left, and no file that is half written.
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
    """Print all that was counted."""
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
        f"{tally.kills.total()} kills, {tally.checks} times the next run was checked: "
        f"{len(tally.wrong)} of them did not end with the same bytes in all {n_files} files, "
        "or left a process or a half-written file"
    )
    sys.exit(bool(tally.wrong))


if __name__ == "__main__":
    main()
