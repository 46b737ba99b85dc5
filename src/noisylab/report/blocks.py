"""What a section of the page is made of; how it looks is for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from noisylab.config.params import Params, TrainParams
from noisylab.config.settings import FitConfig
from noisylab.report.lab_report import LabReport
from noisylab.report.results import Results, Step


@dataclass(frozen=True)
class Story:
    """What the sections tell of: the results, how they were made, and the lab report beside them.

    lab: None where the images are not the lab report's.
    """

    results: Results
    params: Params
    lab: LabReport | None

    def step(self, stage: str) -> Step:
        """A train stage."""
        return self.results.steps[stage]

    def before(self, stage: str) -> Step:
        """The train stage before one."""
        stages = list(self.results.steps)
        return self.results.steps[stages[stages.index(stage) - 1]]

    def config(self, stage: str) -> FitConfig:
        """How the kept run of a train stage trains."""
        params: TrainParams = getattr(self.params, stage)
        return params.runs[params.keep]

    @property
    def judged_on(self) -> str:
        """The set of SCORED that steps are compared on: test, or dev as given where there is none.

        Nothing is chosen on it: it is for the reader.
        """
        return "test" if "test" in self.results.data.splits else "dev_given"


@dataclass(frozen=True)
class Column:
    """A column of a table. group: what several columns next to each other have in common."""

    title: Markup | str
    group: str = ""
    is_lab: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a heading for each column and, first in it, for each row; None: no figure."""

    caption: Markup | str
    corner: str
    columns: Sequence[Column]
    rows: Sequence[tuple[Markup | str, Sequence[Markup | str | None]]]
    is_dense: bool = False

    def groups(self) -> list[tuple[str, int]]:
        """Groups of columns, and how many columns each spans; empty where there are none."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans if any(group for group, _ in spans) else []


@dataclass(frozen=True)
class Shot:
    """A picture. file: in the folder of plots; alt: what it shows, for who cannot see it.

    is_optional: no fault where it is not there; is_folded: shown on demand, not printed.
    """

    file: str
    alt: str
    caption: Markup | str
    is_optional: bool = False
    is_folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page. id: for links. paragraphs: what they are about, and what they say."""

    id: str
    title: str
    paragraphs: Sequence[tuple[str, Markup]] = ()
    tables: Sequence[Table] = ()
    shots: Sequence[Shot] = ()
    figures: Sequence[tuple[Markup | str, Markup | str, Markup | str]] = field(default=())


def bar(share: float, text: str) -> Markup:
    """A share in [0, 1] as its text and a bar of that length."""
    template = '<span class="bar" style="--share:{}%"></span><span>{}</span>'
    return Markup(template).format(f"{100 * share:.2f}", text)
