"""`python -m noisylab.review`, started and stopped."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from noisylab.core.errors import InputError
from noisylab.review import __main__ as script
from noisylab.review.store import Store

COMMAND = (sys.executable, "-m", "noisylab.review")


class Page:
    """The running script and the address that it printed."""

    def __init__(self, data: Path, *arguments: str, has_browser: bool = False) -> None:
        options = [] if has_browser else ["--no-browser"]
        command = (*COMMAND, str(data), *options, *arguments)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout
        self.first = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:[0-9]+", self.first)
        assert found, self.first
        self.address = found[0]

    def end(self, by: signal.Signals) -> str:
        self.process.send_signal(by)
        return self.process.communicate(timeout=30)[0]

    def ask(self, path: str, content: object = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Origin": self.address, "Content-Type": "application/json"}
        with urlopen(Request(self.address + path, body, headers), timeout=30) as answer:
            return json.load(answer)

    def decide_first_open(self, label: str) -> None:
        sheet = self.ask("/cases")
        for case in sheet["cases"]:
            if f"{case['split']} {case['index']}" not in sheet["decisions"]:
                content = {name: case[name] for name in ("split", "index", "image", "given")}
                self.ask("/decisions", [content | {"was": None, "label": label}])
                return


@pytest.fixture
def page(data: Path) -> Iterator[Page]:
    started = Page(data, "--port", "0")
    yield started
    started.process.kill()
    started.process.communicate()


def test_it_opens_the_browser(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "browser"
    program.write_text(
        f'#!/bin/sh\necho "$1" >{tmp_path}/new && mv {tmp_path}/new {tmp_path}/opened\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(program))
    page = Page(data, "--port", "0", has_browser=True)
    deadline = time.monotonic() + 30
    while not (tmp_path / "opened").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    page.end(signal.SIGINT)
    assert (tmp_path / "opened").read_text() == f"{page.address}/\n"


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_the_number_of_decisions(
    page: Page, store: Store, by: signal.Signals
) -> None:
    assert page.first.startswith("0 of 6 labels decided; continue at http://127.0.0.1:")
    page.decide_first_open("cat")
    assert page.end(by) == (
        f"Stopped; decisions in {store.review}: 1; run make repro to apply them and retrain\n"
    )
    assert page.process.returncode == 0


def test_a_killed_page_loses_nothing_and_several_run_side_by_side(
    page: Page, data: Path, store: Store
) -> None:
    page.decide_first_open("cat")
    page.end(signal.SIGKILL)
    assert store.decisions() == {("train", 3): "cat"}
    pages = [Page(data, "--port", "0") for _ in range(2)]
    try:
        assert len({page.address for page in pages}) == 2
        pages[0].decide_first_open("car")
        pages[1].decide_first_open("truck")
    finally:
        for page in pages:
            page.end(signal.SIGKILL)
    assert store.decisions() == {("train", 3): "cat", ("train", 1): "car", ("dev", 0): "truck"}


def ended_with(*arguments: str) -> str:
    result = subprocess.run(
        (*COMMAND, *arguments), capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (1, "")
    return result.stderr


def test_a_taken_port_is_reported(page: Page, data: Path) -> None:
    port = page.address.rpartition(":")[2]
    said = ended_with(str(data), "--port", port)
    assert (
        said == f"--port {port}: Address already in use; choose another, or 0 for any free port\n"
    )


def test_another_port_is_used_if_the_default_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(script, "_PORT", port)
        with script._listen(None) as listener:
            address, other = listener.getsockname()
    assert address == "127.0.0.1"
    assert other not in (0, port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(
        InputError, match=f"^--port {port}: .*; choose another, or 0 for any free port$"
    ):
        script._listen(port)


def test_a_missing_or_broken_file_ends_it_with_one_line(data: Path, tmp_path: Path) -> None:
    (data / "review.csv").write_text("nothing\n")
    assert ended_with(str(data)) == (
        f"{data / 'review.csv'}: expected a column 'split', got ['nothing']; separate columns "
        "with commas\n"
    )
    nowhere = tmp_path / "nowhere"
    assert ended_with(str(nowhere)) == (
        f"{nowhere / 'train_set.pickle'}: does not exist yet; run make repro first\n"
    )
