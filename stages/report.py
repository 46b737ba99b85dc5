"""Write the report: one self-contained HTML page with the figures and pictures of the run."""

from pathlib import Path

from noisylab import stage
from noisylab.config.params import Params

INPUTS = ("data", "dvc.yaml", "params.yaml", "requirements.lock", "src", "stages")


def main(params: Params) -> None:
    from noisylab.core import files
    from noisylab.report import commit, facts, page

    found = facts.read_facts("metrics", "plots", params)
    text = Path("params.yaml").read_text(encoding="utf-8")
    made = commit.last_commit(".", INPUTS, params.prepare.source)
    content = page.render(found, "plots", text, made)
    files.write_bytes("report.html", content)


if __name__ == "__main__":
    stage.run(main)
