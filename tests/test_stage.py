import io
import itertools
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from noisylab import stage
from noisylab.config.params import Params, read_params
from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.learning.kept import Training
from noisylab.learning.training import Epoch

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def no_orphan_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the stage's thread out of the test process."""
    monkeypatch.setattr(stage, "when_orphaned", lambda act: None)


def test_a_user_error_exits_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def main(params: Params) -> None:
        raise InputError(f"seed {params.seed} will not do")

    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as error:
        stage.run(main)
    assert error.value.code == "seed 0 will not do"


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    for split, name in itertools.product(("train", "dev"), ("car", "猫")):
        folder = tmp_path / "names" / split / name
        folder.mkdir(parents=True)
        Image.effect_noise((32, 32), 99).save(folder / "1.png")
    text = (ROOT / "params.yaml").read_text().replace("source: data/source", "source: names")
    (tmp_path / "params.yaml").write_text(text)
    result = subprocess.run(
        [sys.executable, ROOT / "stages" / "prepare.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"train: 2 images: car 1, \\u732b 1\n" in result.stdout


def test_file_names_that_are_not_utf8_end_a_stage_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(SystemExit) as error:
        stage.run(lambda params: None)
    assert error.value.code == "file names are iso8859-1 here; run: export PYTHONUTF8=1"


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def main(params: Params) -> None:
        raise ValueError("a bug")

    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match="a bug"):
        stage.run(main)


@pytest.mark.parametrize("script", sorted(ROOT.glob("stages/*.py")), ids=lambda path: path.stem)
def test_params_are_checked_before_any_work(tmp_path: Path, script: Path) -> None:
    text = (ROOT / "params.yaml").read_text().replace("lr: 0.001", "lr: abc")
    (tmp_path / "params.yaml").write_text(text)
    result = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == "params.yaml: lr must be a number > 0, got 'abc'\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "params.yaml"]


def test_scripts_import_nothing_slow_before_signals_are_handled() -> None:
    """Ctrl-C during such an import would print a traceback."""
    code = (
        "import runpy, sys\n"
        "for path in sys.argv[1:]: runpy.run_path(path)\n"
        "slow = {'torch', 'matplotlib', 'jinja2', 'PIL', 'distributed', 'scipy', 'pandas'}\n"
        "print(*slow & sys.modules.keys())"
    )
    command = [sys.executable, "-c", code, *map(str, ROOT.glob("stages/*.py"))]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "\n"


#: Packages that the imports of a script must not load; those of all scripts load into one process,
#: in this order, since torch alone takes seconds.
UNUSED = {
    "report": {"torch", "torchvision", "matplotlib", "sklearn", "pandas", "flask"},
    "prepare": {"torch", "torchvision", "matplotlib", "sklearn"},
    "stats": {"torch", "torchvision", "sklearn"},
    "relabel": {"torchvision", "sklearn", "pandas", "flask"},
    "train_baseline": {"torchvision", "sklearn", "flask"},
    "train_fixed": {"torchvision", "sklearn", "flask"},
}
IMPORTS = """
import ast, pathlib, sys
for script in sys.argv[1:]:
    for node in ast.walk(ast.parse(pathlib.Path(f"stages/{script}.py").read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), {})
    print(*sys.modules)
"""


def test_stages_do_not_import_unused_packages() -> None:
    """Neither at their head nor in their functions, where the slow ones are imported."""
    command = [sys.executable, "-c", IMPORTS, *UNUSED]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    imported = [set(line.split()) for line in output.splitlines()]
    found = {name: UNUSED[name] & modules for name, modules in zip(UNUSED, imported, strict=True)}
    assert not any(found.values()), found
    assert "torch" in imported[-1]  # the imports in functions are found


@pytest.mark.parametrize("statement", ["import os; os.kill(os.getpid(), 2)", "raise ValueError(7)"])
def test_ctrl_c_before_the_stage_runs_prints_one_line(statement: str) -> None:
    command = [sys.executable, "-c", f"import noisylab.stage; {statement}"]
    said = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False).stderr
    if "kill" in statement:
        assert said == "stopped by SIGINT; run the same command to continue\n"
    else:
        assert said.startswith("Traceback")
        assert said.endswith("ValueError: 7\n")


STAGE = """
import subprocess, sys, time
CODE = '''
import os, time
from noisylab import stage
from noisylab.core import files
def main(params):
    try:
        print(os.getpid(), flush=True)
        time.sleep(60)
    finally:
        files.write_bytes("cleaned_up", b"")
stage.run(main)
'''
subprocess.run([sys.executable, "-c", CODE])
"""


@pytest.mark.parametrize("killed", ["stage", "parent"])
def test_a_stopped_or_orphaned_stage_cleans_up(tmp_path: Path, killed: str) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    command = [sys.executable, "-c", STAGE]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **streams) as parent:  # type: ignore[call-overload]
        pid = int(parent.stdout.readline())
        os.kill(pid if killed == "stage" else parent.pid, signal.SIGTERM)
        assert "stopped by SIGTERM" in parent.stderr.read()  # open until the stage exits, too
    assert (tmp_path / "cleaned_up").exists()


def test_repeated_ctrl_c_prints_one_line(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    command = [sys.executable, "-c", STAGE]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **streams) as parent:  # type: ignore[call-overload]
        pid = int(parent.stdout.readline())
        for _ in range(3):  # an impatient user
            os.kill(pid, signal.SIGINT)
        said = parent.stderr.read()
    assert said == "stopped by SIGINT; run the same command to continue\n"
    assert (tmp_path / "cleaned_up").exists()


SHELL = """
import subprocess, sys
# Two commands, so that the shell does not replace itself by the first.
subprocess.run(["/bin/sh", "-c", sys.executable + " stage.py; true"])
"""


def test_a_stage_started_by_a_shell_exits_when_dvc_is_killed(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "stage.py").write_text(STAGE.split("'''")[1])
    command = [sys.executable, "-c", SHELL]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **streams) as parent:  # type: ignore[call-overload]
        parent.stdout.readline()
        parent.kill()
        assert "stopped by SIGTERM" in parent.stderr.read()  # open until the stage exits, too
    assert (tmp_path / "cleaned_up").exists()


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory")]
)
def test_out_of_memory_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def main(params: Params) -> None:
        raise error

    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        stage.run(main)
    assert str(ended.value.code).startswith("out of memory: close other programs, lower")


def test_noisylab_engine_overrides_params(monkeypatch: pytest.MonkeyPatch) -> None:
    params = read_params(ROOT / "params.yaml")
    monkeypatch.delenv("NOISYLAB_ENGINE", raising=False)
    assert stage.engine(params) == params.engine == "local"
    monkeypatch.setenv("NOISYLAB_ENGINE", "local:3")
    assert stage.engine(params) == "local:3"
    monkeypatch.setenv("NOISYLAB_ENGINE", "many")
    with pytest.raises(InputError, match=r"^NOISYLAB_ENGINE must be local, .* got 'many'"):
        stage.engine(params)


EPOCH = Epoch(epoch=1, train_loss=0.5, dev_loss=0.25, train_accuracy=0.75, dev_accuracy=0.875)
CONFIG = FitConfig(2, 0.001, 32, "adam", "cpu")
LINE = "epoch {}/2, train loss 0.5000, dev loss 0.2500, dev accuracy 87.50%\n"


@pytest.mark.parametrize("each_epoch", [True, False])
def test_without_a_terminal_epochs_or_trainings_print_one_line(
    capsys: pytest.CaptureFixture[str], each_epoch: bool
) -> None:
    watch = stage.Watch(each_epoch=each_epoch)
    watch.begin([Training(CONFIG, 0, name="run a"), Training(CONFIG, 1, name="run b")], [10, 10])
    watch.resume(1, 1)
    for number in (1, 2):
        watch.step(0, 10)
        watch.epoch(0, replace(EPOCH, epoch=number))
    watch.end()
    captured = capsys.readouterr()
    first = "run a: " + LINE.format(1) if each_epoch else ""
    assert captured.out == f"run b: resuming after epoch 1/2\n{first}run a: {LINE.format(2)}"
    assert captured.err == ""


def test_figures_of_dev_are_left_out_where_they_say_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = stage.Watch(on_dev=False)
    watch.begin([Training(CONFIG, 0, name="model 1")], [10])
    watch.epoch(0, EPOCH)
    assert capsys.readouterr().out == "model 1: epoch 1/2, train loss 0.5000\n"


def test_without_a_terminal_trainings_that_were_kept_or_gave_up_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = stage.Watch(each_epoch=False)
    named = [Training(CONFIG, 0, name=f"run {name}") for name in "abc"]
    watch.begin(named, [10, 10, 10])
    watch.done(0, 2, is_new=True)
    watch.done(1, 1, is_new=True)
    watch.done(2, 1, is_new=False)
    assert capsys.readouterr().out == "run b: ended after epoch 1/2\nrun c: trained before\n"


def test_a_terminal_shows_one_bar_for_all_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    watch = stage.Watch()
    watch.begin([Training(CONFIG, 0, name="run a"), Training(CONFIG, 1, name="run b")], [10, 10])
    watch.resume(1, 1)  # and gives up
    watch.done(1, 1, is_new=True)
    watch.step(0, 20)
    watch.epoch(0, EPOCH)
    watch.done(0, 2, is_new=True)
    watch.end()
    last = terminal.getvalue().rstrip().split("\r")[-1]
    assert "2 models: 100%" in last
    assert "run a: train loss 0.5000, dev loss 0.2500" in last
    assert "images/s" in last


@pytest.mark.parametrize("name", ["MPLBACKEND", "ONEDNN_DEFAULT_FPMATH_MODE"])
def test_variables_of_a_notebook_or_shell_do_not_reach_a_stage(name: str) -> None:
    program = "import noisylab.stage, noisylab.plots, os; print(os.environ.get(sys.argv[1]))"
    environment = {**os.environ, name: "module://matplotlib_inline.backend_inline"}
    command = [sys.executable, "-c", f"import sys; {program}", name]
    printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    assert printed.decode().strip() == {"MPLBACKEND": "agg"}.get(name, "None")
