"""Sentences about the sweep and the attack follow the figures."""

from dataclasses import replace
from pathlib import Path

from made_run import make_run
from markupsafe import Markup

ALL_ONE = [[100, 0, 0], [12, 0, 0], [8, 0, 0]]


def test_which_model_is_the_final_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "The best rate is that of train_fixed itself" in run.said()["lr_sweep"]
    shorter = replace(run.params.lr_sweep, epochs=50)  # so the best one is another model
    shorter_run = replace(run, params=replace(run.params, lr_sweep=shorter))
    assert "The best rate is that of train_fixed itself" not in shorter_run.said()["lr_sweep"]
    config = replace(run.params.lr_sweep, schedule="constant", epochs=50)
    run = replace(run, params=replace(run.params, lr_sweep=config))
    said = run.said()["lr_sweep"]
    assert "Is a constant rate better?" in said
    assert "3 trainings of 50 epochs" in said
    assert "The model of train_fixed therefore remains the final model" in said
    run.change("lr_sweep.json", "final", value="lr_sweep")
    assert "The model of the best rate therefore becomes the final model" in run.said()["lr_sweep"]


def test_rates_that_fail_and_rates_that_do_not(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    said = run.said()["lr_sweep"]
    assert "The best rate is 0.001, with a balanced accuracy of 90.0%" in said
    assert "At the lowest rate, 3e-07, the model hardly learns" in said
    assert "train loss goes from 1.099 to 1.098" in said
    assert "At the highest rate, 0.05, training does not converge" in said
    assert "Of 3 models, 2 did not learn" in said
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    text = table.read_text()
    table.write_text(text.replace("0.05,0,no,no,1.9,1.1,0.333", "0.05,0,yes,no,nan,nan,nan"))
    said = run.said()["lr_sweep"]
    assert "At the highest rate, 0.05, training diverges" in said
    assert "Of 3 models, 1 diverged and 1 did not learn" in said
    table.write_text(text.replace("0,no,no", "0,no,yes"))
    said = run.said()["lr_sweep"]
    assert "the model learns too" in said
    assert "All 3 models learned" in said


def test_a_sweep_in_which_all_diverged(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.remove("lr_sweep.json", "best")
    (tmp_path / "metrics/lr_sweep/best.json").unlink()
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    header, *rows = table.read_text().splitlines()
    rows = [",".join([*row.split(",")[:3], "yes,no,nan,nan,nan"]) for row in rows]
    table.write_text("\n".join([header, *rows]) + "\n")
    said = run.said()
    assert "There is no best rate" in said["lr_sweep"]
    assert "The model of train_fixed remains the final model" in said["lr_sweep"]
    assert "best learning rate" not in run.html()


def test_several_optimizers_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    table.write_text(table.read_text() + "sgd,0.001,0,no,yes,0.9,0.5,0.8\n")
    assert "The best setting is Adam at 0.001" in run.said()["lr_sweep"]
    assert "<td>SGD</td>" in run.html()
    run.change("lr_sweep.json", "best", "optimizer", value="sgd")
    said = run.said()["lr_sweep"]
    assert "The best setting is SGD at 0.001" in said
    assert "At Adam's lowest rate, 3e-07, the model hardly learns" in said
    assert "At Adam's highest rate, 0.05, training does not converge" in said


def test_the_best_model_may_not_have_learned_by_its_loss(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    text = table.read_text()
    assert "adam,0.001,0,no,yes" in text
    table.write_text(
        text.replace("adam,0.001,0,no,yes", "adam,0.001,0,no,no").replace(
            "adam,0.05,0,no,no", "adam,0.05,0,no,yes"
        )
    )
    said = run.said()["lr_sweep"]
    assert "No model learned" not in said
    assert (
        "By loss and accuracy on train, however, the model of the best rate has not learned."
        in said
    )


def test_a_rate_of_many_digits_is_still_the_recipes_own(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    table.write_text(table.read_text().replace("adam,0.001,", "adam,0.0012346,"))
    run.change("lr_sweep.json", "best", "lr", value=0.0012346)
    stage = run.params.train_fixed
    kept = replace(stage.runs[stage.keep], lr=0.00123456789)
    stage = replace(stage, runs={**stage.runs, stage.keep: kept})
    run = replace(run, params=replace(run.params, train_fixed=stage))
    assert "The best rate is that of train_fixed itself" in run.said()["lr_sweep"]


def test_rates_of_several_seeds(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "seeds" not in run.said()["lr_sweep"].split("The best rate is")[1]
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    rows = "adam,0.001,1,no,yes,0.9,0.5,0.8\nadam,0.05,1,no,yes,0.9,0.5,0.8\n"
    table.write_text(table.read_text() + rows)
    assert "on dev (corrected labels), the mean over 2 seeds" in run.said()["lr_sweep"]
    assert "<td>1 learned</td>" in run.html()


def test_an_attack_that_succeeds_and_one_that_does_not(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    attacked = run.said()["adversarial"]
    for model in ("The model of run report of train_fixed", "The final model"):
        assert f"{model} assigns its example a probability of 96.0% for truck" in attacked
        assert f"{model} classifies 18 images of test correctly as truck" in attacked
    assert (
        "within 4 levels per pixel, it classifies the image as cat, with a probability" in attacked
    )
    assert "Two models are attacked: that of run report of train_fixed" in attacked
    assert "at most 16 levels per pixel, the final model assigns 90.0% a probability" in attacked
    assert "attacks on <bdi>truck</bdi> that reach <bdi>cat</bdi>" in run.html()
    assert "Perturbed by at most 4 levels per pixel, 60.0% of them" in attacked
    assert "by at most 16 levels, 100%" in attacked
    run.change("adversarial.json", "final", "example", "reached", value=0)
    run.change("adversarial.json", "final", "example", "target_after", value=0.2)
    run.change("adversarial.json", "final", "smallest", "success", value=0.0)
    for size in ("l2_median", "l2_p95", "linf_median", "linf_p95"):
        run.change("adversarial.json", "final", "smallest", size, value=None)
    said = run.said()
    assert "it does not classify the image as cat" in said["adversarial"]
    assert "the probability of cat is 20.0%" in said["adversarial"]
    assert "succeeds for none of them" in said["adversarial"]
    text = run.html()
    row = text[text.index("The smallest perturbation in L2, in levels") :]
    row = row[row.index('<th scope="row">the final model') :]
    assert row[: row.index("</tr>")].count('aria-label="no figure"') == 4


def test_the_picture_of_the_reports_recipe_comes_first_with_its_rule(tmp_path: Path) -> None:
    text = make_run(tmp_path).html()
    section = text[text.index('id="adversarial"') :]
    first = Markup(section[: section.index("<dl")]).striptags()
    assert "Of the 38 training images of truck that the model gives a probability of about" in first
    assert "the one that the attack moves furthest, not a typical one" in first
    assert "23% reach 99% or more, and the median is 63.0%" in first
    assert section[: section.index("<dl")].count("<img") == 3
    assert section.count("<img") == 12


def test_an_example_that_is_not_as_probable_as_asked(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    near = {"images": 1, "target_median": 0.24, "success": 0.0, "confident": 0.0}
    run.change("adversarial.json", "final", "example", "source_before", value=0.283)
    run.change("adversarial.json", "final", "example", "near", value=near)
    text = Markup(run.html()).striptags()
    assert "The model gives no training image of truck a probability of about 96%" in text
    assert "this one comes nearest, with 28.3%" in text
    assert "after the same attack on this image: 0% reach" in text
    assert text.count("Of the 38 training images of truck") == 1  # of the other model


def test_an_example_that_had_no_rival(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.change("adversarial.json", "final", "example", "near", "images", value=1)
    text = Markup(run.html()).striptags()
    assert "This is the only training image of truck that the model gives a probability of" in text


def test_one_model_that_is_attacked_twice(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    config = replace(run.params.adversarial, run=run.params.train_fixed.keep, confidence=0.999)
    run = replace(run, params=replace(run.params, adversarial=config))
    said = run.said()["adversarial"]
    assert "The final model is that of run best of train_fixed, so both attacks are on" in said
    assert "a probability of 99.9% or more" in said


def test_a_sure_model_is_told_from_a_calibrated_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    said = run.said()["adversarial"]
    assert (
        "The final model is about as confident as it is right: on test, its mean confidence" in said
    )
    run.change("lr_sweep/final.json", "test", "confidence", value=0.99)
    run.change("train_fixed/report.json", "test", "confidence", value=0.8)
    said = run.said()["adversarial"]
    assert "The final model is over-confident: on test, its mean confidence is 99.0%" in said
    assert "The model of run report of train_fixed is under-confident" in said


def test_a_model_that_predicts_no_image_of_the_source_class(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.change("adversarial.json", "train_fixed", "example", value=None)
    run.change("adversarial.json", "train_fixed", "steps", "attacked", value=0)
    for path in (tmp_path / "plots/adversarial/train_fixed").iterdir():
        path.unlink()
    said = run.said()["adversarial"]
    poor = "The model of run report of train_fixed"
    assert f"{poor} predicts no training image of truck correctly, so it has no example" in said
    assert f"{poor} classifies no image of test correctly as truck, so none was attacked" in said
    assert "The final model assigns its example" in said


def test_a_rate_at_which_some_trainings_learn(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    header, *rows = table.read_text().splitlines()
    lucky = "adam,0.05,1,no,yes,0.9,0.5,0.8"
    table.write_text("\n".join([header, *rows, lucky]) + "\n")
    assert "At the highest rate, 0.05, the model learns in 1 of 2" in run.said()["lr_sweep"]


def test_a_sweep_in_which_none_learned(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "best learning rate" in run.html()
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    table.write_text(table.read_text().replace("no,yes", "no,no"))
    said = run.said()["lr_sweep"]
    assert "No model learned. The one with the highest balanced accuracy" in said
    assert "The best rate is 0.001" not in said
    html = run.html()
    assert "best learning rate" not in html
    assert "<td>best, not learned</td>" in html


def test_the_recipe_of_the_sweep_never_gives_up(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    exception = "A training, except the recipe's own, that has not learned after"
    assert exception in run.said()["lr_sweep"]
    shorter = replace(run.params.lr_sweep, epochs=50)
    run = replace(run, params=replace(run.params, lr_sweep=shorter))
    assert exception not in run.said()["lr_sweep"]


def test_a_loss_that_gave_up_at_once_goes_nowhere(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = tmp_path / "plots/lr_sweep/trainings.csv"
    table.write_text(table.read_text().replace("1.9,1.1,", "17.4,17.4,"))
    assert "training does not converge: train loss is 17.400." in run.said()["lr_sweep"]
