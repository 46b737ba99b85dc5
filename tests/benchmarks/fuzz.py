"""Run a coverage-guided fuzzer on every reader of files, and print a table of the results.

    python tests/benchmarks/fuzz.py [--minutes 30] [reader ...]

For any input, a reader must return or raise an InputError of one line, within the time and memory
below, and without running, importing, opening or writing anything. Needs atheris (`pip install
atheris`), which mutates valid files guided by the code that they reach. Exits 1 if it finds
anything, and leaves those inputs in build/fuzz/.
"""

from __future__ import annotations

import argparse
import encodings.cp437  # zipfile imports it late, for names in old archives
import encodings.raw_unicode_escape  # noqa: F401  (pickletools imports it late, for UNICODE)
import hashlib
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

SECONDS_EACH = 30  # for one input; longer counts as a hang
MEMORY_EACH = 2**30  # above the program's size at the start; includes the fuzzer's tables
LONGEST = 64 * 2**10  # bytes of an input
INSTRUMENTED = ["noisylab", "pickletools", "yaml", "PIL", "zipfile", "json"]
FORBIDDEN = re.compile(
    r"compile|exec|import|marshal\..*|pickle\.find_class|ctypes\..*|socket\..*|subprocess\..*|"
    r"shutil\..*|urllib\..*|os\.(exec|fork|forkpty|kill|link|mkdir|posix_spawn|remove|rename|rmdir|"
    r"spawn|startfile|symlink|system|truncate|chmod|chown|putenv|unsetenv)"
)
FINDINGS = Path(__file__).parents[2] / "build" / "fuzz"


class Watch:
    """Records forbidden actions while an input is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.is_on = False
        self.seen: list[str] = []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "open":
            path, _, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if writes or not str(path).startswith(self.folder):
                self.seen.append(f"opens {path!r}")
        elif FORBIDDEN.fullmatch(event):
            self.seen.append(f"does {event} {str(arguments)[:80]}")


def problem_of(error: BaseException) -> str:
    """The fault in how a reader refused an input; empty if it raised one line."""
    from noisylab.core.errors import InputError

    if isinstance(error, InputError):
        text = str(error)
        return "" if text.isprintable() and len(text) < 2000 else "refuses in more than one line"
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}"


def fuzz(name: str, seconds: int, folder: Path) -> None:
    """Fuzz one reader in this process, which the fuzzer ends."""
    import atheris

    sys.path.insert(0, str(Path(__file__).parents[1]))
    with atheris.instrument_imports(include=INSTRUMENTED):
        import readers
    warnings.simplefilter("ignore")  # to show a warning, Python opens the source
    reader = readers.READERS[name]()
    inputs, corpus = folder / "inputs", folder / "corpus"
    inputs.mkdir()
    corpus.mkdir()
    reader.put_others(inputs)
    watch, problems = Watch(inputs), set[str]()
    is_ready = False

    def try_input(data: bytes) -> None:
        reader.put(inputs, data)
        watch.is_on, problem = is_ready, ""
        try:
            reader.read(inputs)
        except Exception as error:
            watch.is_on = False
            problem = problem_of(error)
        watch.is_on = False
        problem = "; ".join(watch.seen) or problem
        watch.seen.clear()
        if problem and problem not in problems:
            problems.add(problem)
            keep(name, problem, data)

    for number, seed in enumerate(reader.seeds):
        (corpus / str(number)).write_bytes(seed)
        try_input(seed)  # not watched yet, so late imports are allowed
    is_ready = True
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (folder / "before").write_text(str(peak))
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_EACH,) * 2)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_EACH}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder}/",
        "-rss_limit_mb=0",
        "-print_final_stats=1",
        "-seed=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], try_input)
    atheris.Fuzz()


def keep(name: str, problem: str, data: bytes) -> None:
    FINDINGS.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace(' ', '_')}-{hashlib.sha256(data).hexdigest()[:12]}"
    (FINDINGS / stem).write_bytes(data)
    (FINDINGS / f"{stem}.json").write_text(json.dumps({"reader": name, "problem": problem}))


def run(name: str, seconds: int) -> None:
    """Fuzz one reader in its own process, and print its row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--in", folder, "--seconds", str(seconds), name]
        ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        for kind in ("timeout", "crash", "oom", "slow"):
            for path in Path(folder).glob(f"{kind}-*"):
                keep(name, kind, path.read_bytes())
        tried = re.findall(r"number_of_executed_units: (\d+)", ended.stderr)
        coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", ended.stderr)
        peak = re.findall(r"peak_rss_mb: +(\d+)", ended.stderr)
        if not (tried and coverage and peak):
            keep(name, f"ended with {ended.returncode}: {ended.stderr[-500:]}", b"")
            print(f"{name:16} ended with {ended.returncode}: {ended.stderr[-500:]}")
            return
        before = int((Path(folder) / "before").read_text()) // 1024
        edges, features, corpus = map(int, coverage[-1])
        print(
            f"{name:16} {int(tried[-1]):9,} {edges:7,} {features:8,} {corpus:7,} "
            f"{int(peak[-1]) - before:8,}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="reader")
    parser.add_argument("--minutes", type=float, default=30, help="in total")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.exit("fuzz: skipped, atheris is not installed; run pip install atheris")
    if arguments.folder:
        fuzz(arguments.names[0], arguments.seconds, arguments.folder)
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import readers

    names = arguments.names or list(readers.READERS)
    if unknown := {*names} - {*readers.READERS}:
        parser.error(f"no such reader: {', '.join(sorted(unknown))}")
    shutil.rmtree(FINDINGS, ignore_errors=True)
    print(f"{'reader':16} {'inputs':>9} {'edges':>7} {'features':>8} {'corpus':>7} {'peak, MB':>8}")
    for name in names:
        run(name, round(arguments.minutes * 60 / len(names)))
    found = sorted(FINDINGS.glob("*.json"))
    for path in found:
        print(f"{path.stem}: {json.loads(path.read_text())['problem']}")
    print(f"{len(found)} findings")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
