"""Write train and dev with corrected labels: noisylab export [--changes] DIR"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from noisylab.config.params import read_params
from noisylab.core.errors import InputError
from noisylab.core.files import check_made, new_folder
from noisylab.core.images import REVIEWED, SPLITS
from noisylab.data.set_files import read_sets
from noisylab.export.changes import corrected_labels, find_changes, write_changes
from noisylab.export.run import check_target, export, read_unchanged
from noisylab.review.decisions import read_review

_DESCRIPTION = """Write train and dev with corrected labels, in the format of your source. Class
folders: hard links to your files where possible, else copies. Pickles: pickles of the same form.
The bundled set: labels.csv and the pictures. Labels are those of the last run and of
data/review.csv; your source stays as it is."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Export to the folder, and print what has changed."""
    parser = argparse.ArgumentParser(prog="noisylab export", description=_DESCRIPTION)
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")
    table = "write only DIR/changes.csv: file, from, to, score, by (rule or person)"
    parser.add_argument("--changes", action="store_true", help=table)
    options = parser.parse_args(arguments)
    try:
        lines = _export(options.folder, only_changes=options.changes)
    except InputError as error:
        sys.exit(str(error))
    print("\n".join(lines))


def _export(folder: Path, *, only_changes: bool) -> list[str]:
    source = Path(read_params("params.yaml").prepare.source).expanduser()
    check_target(folder, source)
    for name in (*(f"{split}_set.pickle" for split in SPLITS), "corrections.csv"):
        check_made(Path("data", name))
    sets = read_sets("data")
    found = read_unchanged(source, sets)
    review = read_review("data/review.csv", sets)
    changes = find_changes(Path("data/corrections.csv"), review.decisions, sets)
    lines = review.notices("data/review.csv")
    for split in REVIEWED:
        by = Counter(change.by for change in changes if change.split == split)
        who = f"{by['rule']:,} by the rule, {by['person']:,} by a person"
        lines.append(f"{split}: {by.total():,} of {len(sets[split]):,} labels changed, {who}")
    if only_changes:
        with new_folder(folder) as new:
            write_changes(new / "changes.csv", changes, sets)
        return [*lines, f"written: {folder / 'changes.csv'}"]
    lines += export(folder, source, found, corrected_labels(sets, changes))
    return [*lines, f"written: {folder}"]


if __name__ == "__main__":
    main()
