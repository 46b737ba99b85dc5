"""The command `noisylab`: its help, and how it ends."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from noisylab.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_a_screen(
    command: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([*([command] if command else []), "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert lines[0].startswith(f"usage: noisylab {command or 'COMMAND'}")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert re.findall("(?m)^  ([a-z]+) {2,}", shown) == [*COMMANDS]


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert capsys.readouterr().out.startswith("usage: noisylab COMMAND")


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prdict"])
    assert ended.value.code == 2
    assert "invalid choice: 'prdict'" in capsys.readouterr().err


def test_the_console_script_is_this_command() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    script = re.search(r'\[project\.scripts\]\nnoisylab = "(.+):(.+)"\n', text)
    assert script
    assert getattr(import_module(script[1]), script[2]) is main


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_is_quick(command: list[str]) -> None:
    """Without PyTorch, matplotlib and DVC, whose imports take seconds."""
    code = (
        "import sys; from noisylab.__main__ import main\n"
        f"try: main({[*command, '--help']})\n"
        "except SystemExit: print({'torch', 'matplotlib', 'dvc'} & {*sys.modules})"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert shown.stdout.endswith("set()\n")
