"""The sections as one HTML file, with its pictures inside."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from noisylab.core.errors import InputError
from noisylab.report.blocks import Section, Shot, Story
from noisylab.report.commit import Commit
from noisylab.report.pictures import Picture, embed
from noisylab.report.story import tell
from noisylab.report.summary import title_words

_PACKAGE = "noisylab.report"


def render(story: Story, plots: str | Path, params_text: str, commit: Commit | None) -> bytes:
    """The page: the same bytes for the same arguments and files.

    plots: the folder of the pictures. params_text: the whole of params.yaml, to be shown.
    Raises InputError, which names the file, for a picture that is missing or broken.
    """
    plots = Path(plots)
    sections = tell(story)
    environment = Environment(
        loader=PackageLoader(_PACKAGE, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("page.html.j2").render(
        subtitle=title_words(story),
        sections=[(section, *_pictures(plots, section)) for section in sections],
        lab=story.lab is not None,
        style=Markup(files(_PACKAGE).joinpath("page.css").read_text(encoding="utf-8")),
        params_text=params_text,
        commit=commit,
    )
    return page.encode()


def _pictures(
    plots: Path, section: Section
) -> tuple[Sequence[tuple[Shot, Picture]], Sequence[tuple[Shot, Picture]]]:
    """The pictures of a section that there are: those shown, and those shown on demand."""
    shown: list[tuple[Shot, Picture]] = []
    folded: list[tuple[Shot, Picture]] = []
    for shot in section.shots:
        path = _find(plots, shot)
        if path:
            (folded if shot.is_folded else shown).append((shot, embed(path)))
    return shown, folded


def _find(plots: Path, shot: Shot) -> Path | None:
    """The file of a picture; a name with a star stands for the one file that it fits."""
    found = sorted(plots.glob(shot.file)) if "*" in shot.file else [plots / shot.file]
    if shot.is_optional and not (found and found[0].exists()):
        return None
    if not found:
        raise InputError(
            f"{plots / shot.file}: there is no such file; run `dvc repro`, which makes it anew"
        )
    return found[0]
