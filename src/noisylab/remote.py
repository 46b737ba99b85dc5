"""Print `--pull` if results can be fetched from the DVC remote: `python -m noisylab.remote`.

`make repro` passes this to `dvc repro`, which stops at the first missing output if the remote
cannot be used. A remote that is out of reach costs the fetched results, but does not block the run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

_SECONDS = 60  # to wait for an answer; s3 alone retries for minutes


def unusable(project: Path, seconds: float = _SECONDS) -> str | None:
    """The reason why the project's default remote cannot be used; None if it answers.

    seconds: how long to wait for an answer.
    """
    reasons: list[str | None] = []
    asking = Thread(target=lambda: reasons.append(_ask(project)), daemon=True)
    asking.start()
    asking.join(seconds)
    return reasons[0] if reasons else f"no answer in {seconds:g} s"


def _ask(project: Path) -> str | None:
    from dvc.repo import Repo  # type: ignore[import-untyped]

    try:
        remote = Repo(project).cloud.get_remote_odb()
        if remote.path.startswith(("http:", "https:")):  # exists() is False if nothing answers
            urlopen(remote.path).close()
        else:
            # False before the first push.
            remote.fs.exists(remote.path)
    except HTTPError:  # it answers, without a page for the folder
        return None
    except Exception as error:  # each kind of remote raises its own
        return " ".join(str(error).split()) or type(error).__name__
    return None


def main() -> None:
    """Print the option; if there is none, the reason, as one line on standard error."""
    if reason := unusable(Path.cwd()):
        line = f"the DVC remote cannot be used ({reason}): missing results are computed here"
        print(line, file=sys.stderr)
    else:
        print("--pull")
    sys.stdout.flush()
    os._exit(0)  # the question may still be open


if __name__ == "__main__":
    main()
