import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from noisylab.config.settings import FitConfig, SweepConfig
from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet
from noisylab.learning.kept import Kept, Trained, Training
from noisylab.learning.network import SimpleModel, load_weights, read_weights
from noisylab.learning.sampling import Chance
from noisylab.learning.training import Epoch
from noisylab.many.trainer import Trainer, Trainings
from noisylab.sweep.outputs import caption, result, write_sweep
from noisylab.sweep.run import Outcome, Sweep, choose, sweep, trainings

RECIPE = FitConfig(
    *(99, 0.5, 16, "sgd", "cpu"), schedule="one_cycle", class_weights="inverse_frequency"
)
BY_CHANCE = Chance(loss=1.1, accuracy=0.34)
CONFIG = SweepConfig(["adam"], [1e30, 1e-7, 0.003], seeds=1, schedule="constant", epochs=6)
WANTED = trainings(CONFIG, RECIPE, seed=0)


@pytest.fixture
def sets(train: ImageSet, dev: ImageSet) -> dict[str, ImageSet]:
    return {"train": train, "dev": dev, "test": dev.subset(range(9))}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    from conftest import make_set

    sets = {"train": make_set(90, seed=1), "dev": make_set(30, seed=2)}
    kept = Kept(tmp_path_factory.mktemp("finished"))
    return sweep(sets, WANTED, Trainer(kept, "local:1"))


def test_trainings_are_every_optimizer_at_every_rate_from_every_seed() -> None:
    config = SweepConfig(["adam", "sgd"], [0.1, 0.01], seeds=2, schedule="constant", epochs=1)
    wanted = trainings(config, RECIPE, 7)
    assert [(one.config.optimizer, one.config.lr, one.seed) for one in wanted[:3]] == [
        ("adam", 0.01, 7),
        ("adam", 0.01, 8),
        ("adam", 0.1, 7),
    ]
    assert len(wanted) == 8
    assert {(one.config.epochs, one.config.schedule) for one in wanted} == {(1, "constant")}
    own = trainings(replace(config, own_rates={"sgd": [3.0], "rmsprop": [4.0]}), RECIPE, 7)
    assert [(one.config.optimizer, one.config.lr) for one in own[::2]] == [
        ("adam", 0.01),
        ("adam", 0.1),
        ("sgd", 3.0),
    ]


def test_with_the_schedule_of_the_recipe_the_recipe_itself_is_compared() -> None:
    config = SweepConfig(["adam", "rmsprop"], [0.1], seeds=1, own_rates={"rmsprop": [0.2]})
    wanted = trainings(config, RECIPE, 7)
    assert wanted[2].config == RECIPE
    assert [(one.config.optimizer, one.config.lr) for one in wanted] == [
        ("adam", 0.1),
        ("rmsprop", 0.2),
        ("sgd", 0.5),
    ]
    assert {(one.config.epochs, one.config.schedule) for one in wanted} == {(99, "one_cycle")}
    fewer = trainings(replace(config, epochs=3), RECIPE, 7)
    assert [(one.config.lr, one.config.epochs) for one in fewer] == [(0.1, 3), (0.2, 3), (0.5, 3)]
    same = trainings(SweepConfig(["sgd"], [0.5, 0.1], seeds=2), RECIPE, 7)
    assert [one.config.lr for one in same] == [0.1, 0.1, 0.5, 0.5]


def test_all_but_the_recipe_give_up() -> None:
    config = SweepConfig(["sgd"], [0.1, 0.5], seeds=2, give_up=0.3)
    assert [one.config.give_up for one in trainings(config, RECIPE, 7)] == [0.3, 0.3, 1, 1]


def test_a_rate_that_has_not_learned_ends_early(sets: dict[str, ImageSet], tmp_path: Path) -> None:
    config = replace(CONFIG, rates=[1e-7, 0.003], give_up=0.5)
    swept = sweep(sets, trainings(config, RECIPE, 0), Trainer(Kept(tmp_path), "local:1"))
    assert [len(one.trained.history) for one in swept.outcomes] == [3, 6]
    assert swept.best() == ("adam", 0.003)
    assert result(swept, ("adam", 1e-7)) == "not learned in 3 epochs"


def test_the_rates_at_both_ends_are_trained_last(sets: dict[str, ImageSet]) -> None:
    class Order(Trainer):
        def train(self, train: ImageSet, dev: ImageSet, trainings: Sequence[Training]) -> Trainings:
            order.extend(one.config.lr for one in trainings)
            return iter([])

    order: list[float] = []
    config = replace(CONFIG, rates=[1e-6, 1e-4, 1e-3, 5e-3, 0.03])
    with pytest.raises(KeyError):  # there are no results
        sweep(sets, trainings(config, RECIPE, 0), Order())
    assert order == [1e-3, 5e-3, 1e-4, 0.03, 1e-6]


def test_the_training_of_train_fixed_is_not_repeated(
    sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    recipe = replace(RECIPE, epochs=2, lr=0.01)
    own = Training(recipe, 0)
    ((_, before),) = Trainer(Kept(tmp_path / "fixed")).train(sets["train"], sets["dev"], [own])
    wanted = trainings(SweepConfig(["sgd"], [0.001], seeds=1), recipe, 0)
    kept = Kept(tmp_path / "sweep", also=tmp_path / "fixed")
    swept = sweep(sets, wanted, Trainer(kept, "local:1"))
    assert [one.trained.weights == before.weights for one in swept.outcomes] == [False, True]
    assert len(list((tmp_path / "sweep").iterdir())) == len(list((tmp_path / "fixed").iterdir()))
    model = before.revive()
    choice = choose(swept, model, sets)
    assert choice.kept == ("train_fixed" if swept.best() == ("sgd", 0.01) else "lr_sweep")


def test_low_rates_do_not_learn_and_high_rates_diverge(swept: Sweep) -> None:
    low, good, high = swept.outcomes
    assert [one.trained.config.lr for one in swept.outcomes] == [1e-7, 0.003, 1e30]
    assert swept.by_chance == pytest.approx((math.log(3), 1 / 3))
    assert [swept.has_learned(one) for one in swept.outcomes] == [False, True, False]
    assert len(low.trained.history) == len(good.trained.history) == 6
    assert high.dev is None
    assert high.trained.weights is None
    assert len(high.trained.history) < 6
    assert swept.merit(("adam", 1e30)) is None
    assert swept.best() == swept.best("adam") == ("adam", 0.003)


@pytest.mark.usefixtures("trainings_here")
def test_outcomes_do_not_depend_on_the_engine(
    swept: Sweep, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    again = sweep(sets, WANTED[1:2], Trainer(Kept(tmp_path), "local:1"))
    assert again.outcomes[0].trained.weights == swept.outcomes[1].trained.weights
    assert again.outcomes[0].trained.history == swept.outcomes[1].trained.history


@pytest.mark.usefixtures("trainings_here")
def test_finished_trainings_are_not_repeated(sets: dict[str, ImageSet], tmp_path: Path) -> None:
    def names() -> set[str]:
        return {path.name for path in tmp_path.iterdir()}

    def run(n_rates: int, recipe: FitConfig = RECIPE) -> Sweep:
        wanted = trainings(replace(CONFIG, epochs=1), recipe, seed=0)[:n_rates]
        return sweep(sets, wanted, Trainer(Kept(tmp_path), "local:1"))

    first = run(1)
    (kept,) = names()
    stamp = (tmp_path / kept).stat().st_mtime_ns
    more = run(2)  # a rate is added
    assert kept in names()
    assert (tmp_path / kept).stat().st_mtime_ns == stamp
    assert more.outcomes[0].trained.weights == first.outcomes[0].trained.weights
    assert len(names()) == 2
    run(1)  # and taken away,
    run(2)  # and wanted again
    assert len(names()) == 2
    changes = [replace(RECIPE, dropout=0.1), replace(RECIPE, batch_size=8)]
    for number, recipe in enumerate(changes, start=3):
        run(1, recipe)
        assert len(names()) == number
    sets["train"] = sets["train"].with_labels((sets["train"].labels + 1) % 3)
    run(1, changes[-1])
    assert len(names()) == 5


def outcome(
    rate: float, seed: int, balanced: float | None, loss: float = 0.5, optimizer: str = "adam"
) -> Outcome:
    dev = None
    if balanced is not None:
        dev = {"loss": loss, "accuracy": 0.6, "balanced_accuracy": balanced, "macro_f1": 0.5}
        dev["standard_error"] = 0.1
    config = replace(RECIPE, optimizer=optimizer, lr=rate)
    is_right = None if balanced is None else np.arange(100) < round(100 * balanced)
    return Outcome(Trained(config, [Epoch(1, 0.4, loss, 0.5, 0.5)], None), seed, dev, is_right)


def sweep_of(outcomes: list[Outcome]) -> Sweep:
    return Sweep(outcomes, BY_CHANCE, np.zeros(100, np.int64))


def test_the_best_rate_is_that_of_the_highest_mean() -> None:
    outcomes = [outcome(0.1, 0, 0.9), outcome(0.1, 1, 0.5), outcome(0.2, 0, 0.75)]
    outcomes += [outcome(0.2, 1, 0.75), outcome(0.3, 0, 1.0), outcome(0.3, 1, None)]
    assert sweep_of(outcomes).best() == ("adam", 0.2)


def test_of_equals_the_lower_loss_is_best() -> None:
    losses = {0.1: 0.5, 0.2: 0.3, 0.3: 0.4}
    outcomes = [outcome(rate, 0, 0.8, loss) for rate, loss in losses.items()]
    assert sweep_of(outcomes).best() == ("adam", 0.2)


def test_settings_that_few_images_tell_from_the_best_are_counted() -> None:
    # Two standard errors of the difference are 0.07 for 11 of 100 images, and 0.04 for 3.
    values = {0.1: 0.79, 0.2: 0.87, 0.3: 0.9, 0.4: None}
    swept = sweep_of([outcome(rate, 0, value) for rate, value in values.items()])
    assert swept.near_best() == [("adam", 0.2), ("adam", 0.3)]


def test_where_all_diverge_there_is_no_best() -> None:
    none = sweep_of([outcome(0.1, 0, None)])
    assert none.best() is None
    assert none.near_best() == []
    assert caption(none) == "lowest 0.1: diverged"


def test_the_better_model_is_kept(swept: Sweep, sets: dict[str, ImageSet]) -> None:
    choice = choose(swept, SimpleModel(3).eval(), sets)
    assert choice.kept == "lr_sweep"
    assert list(choice.models) == ["train_fixed", "lr_sweep"]
    weights = swept.outcomes[1].trained.weights
    assert weights
    equal = choose(swept, load_weights(weights), sets)
    assert equal.kept == "train_fixed"
    diverged = Sweep(swept.outcomes[2:], swept.by_chance, swept.dev_labels)
    assert choose(diverged, SimpleModel(3).eval(), sets).kept == "train_fixed"
    with pytest.raises(InputError, match=r"^the model of train_fixed is for 5 classes, the sets"):
        choose(swept, SimpleModel(5).eval(), sets)


def test_model_metrics_table_and_pictures_are_written(
    swept: Sweep, sets: dict[str, ImageSet], tmp_path: Path
) -> None:
    choice = choose(swept, SimpleModel(3).eval(), sets, np.zeros(30, dtype=np.int64))
    names = {"model": "model.pt", "summary": "sweep.json", "metrics": "metrics"}
    names |= {"dev_metrics": "dev", "plots": "plots"}
    paths = {key: str(tmp_path / name) for key, name in names.items()}
    lines = write_sweep(swept, choice, sets["train"].classes, **paths)
    assert lines[0] == "adam 1e-07: not learned in 6 epochs"
    assert re.fullmatch(r"adam 0\.003: [\d.]+%", lines[1])
    assert lines[2:4] == [
        "adam 1e+30: diverged",
        "final lr_sweep, precision float32, near_best 1, trainings 3, diverged 1, not_learned 1",
    ]
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    each = {f"{folder}/{name}.json" for folder in ("metrics", "dev") for name in ("best", "final")}
    plots = {f"plots/{name}" for name in ("losses.png", "rates.png", "trainings.csv")}
    assert files == {"model.pt", "sweep.json"} | each | plots
    assert read_weights(paths["model"]).classes == sets["train"].classes
    metrics = json.loads((tmp_path / "metrics" / "final.json").read_text())
    assert list(metrics) == ["train", "dev", "dev_given", "dev_true", "test"]
    described = json.loads((tmp_path / "sweep.json").read_text())
    assert described["best"]["lr"] == 0.003
    assert (described["trainings"], described["diverged"], described["not_learned"]) == (3, 1, 1)
    header, *rows = (tmp_path / "plots" / "trainings.csv").read_text().splitlines()
    assert header.startswith("optimizer,rate,seed,epochs,diverged,learned,first_train_loss,")
    assert [row.split(",")[:6] for row in rows] == [
        ["adam", "1e-07", "0", "6", "no", "no"],
        ["adam", "0.003", "0", "6", "no", "yes"],
        ["adam", "1e+30", "0", str(len(swept.outcomes[2].trained.history)), "yes", "no"],
    ]


def test_the_caption_gives_the_lowest_best_and_highest_rate(swept: Sweep) -> None:
    lowest, best, highest = caption(swept).split(" · ")
    assert (lowest, highest) == ("lowest 1e-07: not learned in 6 epochs", "highest 1e+30: diverged")
    assert re.fullmatch(r"best 0\.003: [\d.]+%", best)


def test_among_several_optimizers_the_caption_is_of_the_best() -> None:
    outcomes = [outcome(0.1, 0, 0.9), outcome(0.2, 0, 0.8)]
    outcomes.append(outcome(0.1, 0, 0.7, optimizer="sgd"))
    outcomes.append(outcome(9, 0, None, optimizer="rmsprop"))
    assert caption(sweep_of(outcomes)) == "best adam 0.1: 90.0% · highest adam 0.2: 80.0%"


def test_where_the_best_optimizer_has_one_rate_the_ends_are_of_the_one_with_most() -> None:
    outcomes = [outcome(0.1, 0, 0.8), outcome(0.2, 0, 0.85), outcome(0.3, 0, 0.7)]
    outcomes.append(outcome(0.2, 0, 0.9, optimizer="sgd"))
    ends = "lowest adam 0.1: 80.0% · best sgd 0.2: 90.0% · highest adam 0.3: 70.0%"
    assert caption(sweep_of(outcomes)) == ends
