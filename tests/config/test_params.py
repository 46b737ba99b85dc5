from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest

from noisylab.config import settings
from noisylab.config.params import Params, read_params
from noisylab.core.errors import InputError

SHIPPED = Path(__file__).parents[2] / "params.yaml"
TEXT = SHIPPED.read_text(encoding="utf-8")


def read(tmp_path: Path, text: str) -> str:
    """The message with which read_params refuses a file of this text, without the path."""
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_params(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_the_shipped_file_is_accepted() -> None:
    params = read_params(SHIPPED)
    run = params.train_baseline.runs["report"]
    assert (run.epochs, run.lr, run.batch_size, run.optimizer) == (5, 0.001, 32, "adam")
    assert params.train_baseline.keep == "report"


@pytest.mark.parametrize(
    ("written", "meant"), [("1e-05", 1e-5), ("3", 3), (".5", 0.5), ("2E+2", 200)]
)
def test_numbers_may_be_written_in_any_notation(tmp_path: Path, written: str, meant: float) -> None:
    """`-S lr=1e-5` writes 1e-05, which is a string in YAML 1.1."""
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("lr: 0.001", f"lr: {written}"))
    params = read_params(path)
    assert params.lr == meant
    assert params.train_baseline.runs["report"].lr == meant


def test_a_run_overrides_the_top_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("      epochs: 5\n", "      lr: 0.25\n      epochs: 5\n"))
    params = read_params(path)
    assert params.lr == 0.001
    assert params.train_baseline.runs["report"].lr == 0.25


WEIGHTS = (
    "one of none, one_minus_frequency, inverse_frequency, "
    "or for each class a number >= 0, not all 0, got "
)
PROBABILITY = (
    "runs.report.augment.probability must be a number >= 0 and <= 1, or one_minus_frequency, "
    "or for each class a number >= 0 and <= 1, got "
)
BAD_IN_RUNS = [
    (
        "class_weights: one_minus_frequency",
        "frequency",
        f"runs.one_minus_frequency.class_weights must be {WEIGHTS}",
    ),
    (
        "class_weights: one_minus_frequency",
        "{car: -1, cat: 1}",
        f"runs.one_minus_frequency.class_weights must be {WEIGHTS}",
    ),
    (
        "class_weights: one_minus_frequency",
        "{car: 0, cat: 0}",
        f"runs.one_minus_frequency.class_weights must be {WEIGHTS}",
    ),
    (
        "class_weights: one_minus_frequency",
        "{}",
        f"runs.one_minus_frequency.class_weights must be {WEIGHTS}",
    ),
    (
        "probability: one_minus_frequency",
        "{car: 1.5}",
        PROBABILITY,
    ),
    (
        "probability: one_minus_frequency",
        "inverse_frequency",
        PROBABILITY,
    ),
    (
        "rotate_degrees: 15",
        "200",
        "runs.report.augment.rotate_degrees must be a number >= 0 and <= 180, got 200",
    ),
    (
        "crop_scale: 0.7",
        "0",
        "runs.report.augment.crop_scale must be a number >= 0.1 and <= 1, got 0",
    ),
    (
        "- 0.5",
        "2",
        "runs.report.augment.blur_sigma must be a list of two, the lower first, each a number >= 0",
    ),
    ("shift_pixels: 4", "40", "runs.best.augment.shift_pixels must be an integer in 0..31, got 40"),
    ("mirror: 0.5", "yes", "runs.best.augment.mirror must be a number >= 0 and <= 1, got 'yes'"),
    (
        "schedule: one_cycle",
        "cosine",
        "runs.best.schedule must be one of constant, one_cycle, got 'cosine'",
    ),
]


@pytest.mark.parametrize(
    ("line", "value", "message"),
    [
        ("lr: 0.001", "abc", "lr must be a number > 0, got 'abc'"),
        ("lr: 0.001", "", "lr must be a number > 0, got nothing"),
        ("lr: 0.001", "null", "lr must be a number > 0, got nothing"),
        ("lr: 0.001", "0", "lr must be a number > 0, got 0"),
        ("lr: 0.001", "-0.1", "lr must be a number > 0, got -0.1"),
        ("lr: 0.001", ".nan", "lr must be a number > 0, got nan"),
        ("lr: 0.001", ".inf", "lr must be a number > 0, got inf"),
        ("lr: 0.001", "true", "lr must be a number > 0, got True"),
        ("lr: 0.001", "'0.1'", "lr must be a number > 0, got '0.1'"),
        ("lr: 0.001", "[0.1]", "lr must be a number > 0, got [0.1]"),
        ("lr: 0.001", "1" + "0" * 400, "lr must be a number > 0, got 1000"),
        ("seed: 0", "-1", "seed must be an integer in 0..4294967295, got -1"),
        ("seed: 0", "1.0", "seed must be an integer in 0..4294967295, got 1.0"),
        ("seed: 0", "false", "seed must be an integer in 0..4294967295, got False"),
        ("batch_size: 32", "0", "batch_size must be an integer in 1..1048576, got 0"),
        (
            "precision: auto",
            "half",
            "precision must be one of auto, float32, bfloat16, got 'half'",
        ),
        ("device: auto", "gpu", "device must be one of auto, cpu, cuda, got 'gpu'"),
        ("device: auto", "[cpu]", "device must be one of auto, cpu, cuda, got ['cpu']"),
        ("optimizer: adam", "Adam", "optimizer must be one of adam, adamw, sgd, rmsprop, adagrad"),
        ("source: data/source", "7", "prepare.source must be a folder, got 7"),
        ("source: data/source", "' '", "prepare.source must be a folder, got ' '"),
        ("sheet_images: 96", "0", "stats.sheet_images must be an integer in 1..1000, got 0"),
        ("epochs: 5", "2.5", "train_baseline.runs.report.epochs must be an integer in 1..1000000"),
        *BAD_IN_RUNS,
        ("keep: report", "best", "train_baseline.keep must be one of the runs report, got 'best'"),
        ("keep: report", "[a]", "train_baseline.keep must be the name of a run, got ['a']"),
        ("  run: report", "x", "adversarial.run must be one of the runs report, best, got 'x'"),
    ],
)
def test_bad_values_are_refused_with_their_key(
    tmp_path: Path, line: str, value: str, message: str
) -> None:
    assert line in TEXT
    key = line.split(":")[0] + ":" if ":" in line else "-"
    changed = TEXT.replace(line, f"{key} {value}", 1)
    stage = {
        "runs.one": "train_balanced.",
        "runs.rep": "train_augmented.",
        "runs.bes": "train_augmented.",
    }
    assert read(tmp_path, changed).startswith(stage.get(message[:8], "") + message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lr: 0.001", "learning: 1", "learning is unknown; known are seed, lr, batch_size"),
        ("seed: 0", "sed: 1", "sed is unknown; did you mean seed?"),
        ("lr: 0.001 ", "# ", "lr is missing"),
        (
            "epochs: 5",
            "epoch: 5",
            "train_baseline.runs.report.epoch is unknown; did you mean epochs?",
        ),
        (
            "epochs: 5",
            "epochs: 5\n      distillation: 2",
            "train_baseline.runs.report.distillation must be a number >= 0 and <= 1, got 2",
        ),
        (
            "epochs: 5",
            "epochs: 5\n      distillation: 0.5",
            "train_baseline.runs.report.distillation must be 0, since only train_fixed has",
        ),
        (
            "epochs: 5",
            "epochs: 5\n      temperature: 0",
            "train_baseline.runs.report.temperature must be a number >= 0.1 and <= 10, got 0",
        ),
        (
            "epochs: 5",
            "epochs: 5\n      mixup: 0.6\n      cutmix: 0.5",
            "train_baseline.runs.report.cutmix must be at most 1 together with mixup, which is 0.6",
        ),
        ("epochs: 5", "lr: 5", "train_baseline.runs.report.epochs is missing"),
        (
            "    report: ",
            "    my run: ",
            "each key of train_baseline.runs must be a name of at most 60 letters, digits, _ and "
            "-, got 'my run'",
        ),
        ("  sheet_images: 96", "  - 96", "stats must be a section with sheet_images, got [96]"),
        ("lr: 0.001", "lr: 1\nlr: 2", 'line 6 is not valid YAML: found duplicate key "lr"'),
        ("lr: 0.001", "lr: [1", "line 6 is not valid YAML: expected ',' or ']'"),
        ("lr: 0.001", "lr: !!python/object/apply:os.getcwd []", "line 5: tags are not"),
        ("lr: 0.001", "lr: " + "[" * 5000, "line 5: more than 20 levels"),
        (TEXT, "", "the file must be a section with seed, lr, "),
        (TEXT, "- 1", "the file must be a section with seed, lr, "),
    ],
)
def test_bad_sections_are_refused_with_their_key_or_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TEXT
    assert read(tmp_path, TEXT.replace(old, new, 1)).startswith(message)


def test_the_epsilon_of_the_example_is_a_number_or_several(tmp_path: Path) -> None:
    assert read_params(SHIPPED).adversarial.example_epsilons == [4, 6, 8, 12]
    path = tmp_path / "params.yaml"
    for value, epsilons in (("8", [8]), ("[16, 2.5]", [2.5, 16])):
        path.write_text(changed_epsilon(value))
        assert read_params(path).adversarial.example_epsilons == epsilons
    for value in ("0", "[]", "[4, 300]"):
        assert read(tmp_path, changed_epsilon(value)).startswith("adversarial.epsilon must be")


def changed_epsilon(value: str) -> str:
    start = TEXT.index("\n  epsilon: ")
    return f"{TEXT[:start]}\n  epsilon: {value}\n{TEXT[TEXT.index('  steps: 5', start) :]}"


def test_an_optimizer_may_have_rates_of_its_own(tmp_path: Path) -> None:
    def text(rates: str) -> str:
        own, following = TEXT.index("  own_rates:"), TEXT.index("  rates:  ")
        return f"{TEXT[:own]}  own_rates: {rates}\n{TEXT[following:]}"

    path = tmp_path / "params.yaml"
    path.write_text(text("{sgd: [0.1, 3]}"))
    assert read_params(path).lr_sweep.own_rates == {"sgd": [0.1, 3]}
    for bad in ("[0.1]", "{sgd: []}", "{sgd: [0]}", "{SGD: [0.1]}"):
        message = read(tmp_path, text(bad))
        assert message.startswith("lr_sweep.own_rates must be for any of adam, adamw, sgd, ")


def test_the_sweep_may_have_epochs_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("\nlr_sweep:", "\nlr_sweep:\n  epochs: 7\n  #"))
    assert read_params(path).lr_sweep.epochs == 7
    assert read(tmp_path, path.read_text().replace("epochs: 7", "epochs: 0")) == (
        "lr_sweep.epochs must be an integer in 1..1000000, got 0"
    )


def test_a_train_stage_needs_a_run(tmp_path: Path) -> None:
    runs = TEXT[TEXT.index("  runs:") : TEXT.index("\ntrain_balanced")]
    message = "train_baseline.runs must be one or more runs, each with a name of at most "
    message += "60 letters, digits, _ and -, got {}"
    assert read(tmp_path, TEXT.replace(runs, "  runs: {}\n")) == message


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: .*No such file"):
        read_params(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"lr: \xff")
    with pytest.raises(InputError, match=r"latin\.yaml: cannot be read: byte 4 is not UTF-8"):
        read_params(tmp_path / "latin.yaml")


def test_every_field_has_a_check_or_is_a_section() -> None:
    classes: list[Any] = [Params]
    for cls in classes:
        for field in fields(cls):
            if get_origin(field.type) is not Annotated:
                sections = list(filter(is_dataclass, (field.type, *get_args(field.type))))
                assert len(sections) == 1
                classes += [section for section in sections if section not in classes]
    assert {settings.FitConfig, settings.AugmentConfig, settings.SweepConfig} < set(classes)
