"""Write the report: one self-contained HTML page with the figures and pictures of the run."""

from pathlib import Path

from noisylab import stage
from noisylab.config.params import Params

TRAININGS = ("train_baseline", "train_balanced", "train_augmented", "train_fixed")
INPUTS = ("data", "dvc.yaml", "params.yaml", "requirements.lock", "src", "stages")


def main(params: Params) -> None:
    from noisylab.core import files
    from noisylab.report import commit, page, reading, story

    sections = {name: getattr(params, name) for name in TRAININGS}
    runs = {name: (list(part.runs), part.keep) for name, part in sections.items()}
    results = reading.read_results("metrics", "plots", runs)
    told = story.story_of(results, params)
    text = Path("params.yaml").read_text(encoding="utf-8")
    content = page.render(told, "plots", text, commit.last_commit(".", INPUTS))
    files.write_bytes("report.html", content)


if __name__ == "__main__":
    stage.run(main)
