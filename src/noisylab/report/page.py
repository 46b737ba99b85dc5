"""The page: templates, facts and pictures as one HTML file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from noisylab.config.settings import FitConfig
from noisylab.report.commit import Commit
from noisylab.report.facts import Facts
from noisylab.report.pictures import Picture, embed, find
from noisylab.report.scores import MEASURES, SETS, Versus, shown_classes
from noisylab.report.words import FILTERS

_NONE = Markup('<span class="none" aria-label="no figure" role="img">–</span>')


def render(facts: Facts, plots: str | Path, params_text: str, commit: Commit | None) -> bytes:
    """The page: the same bytes for the same arguments and files.

    plots: the folder of the pictures. params_text: the whole of params.yaml, to be shown.
    Raises InputError, which names the file, for a picture that is missing or broken.
    """
    environment = Environment(
        loader=PackageLoader("noisylab.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: _NONE if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS

    def picture(file: str) -> Picture:
        return embed(find(Path(plots), file))

    environment.globals |= {
        "sets": SETS,
        "measures": MEASURES,
        "versus": Versus,
        "shown_classes": shown_classes,
        "default_dropout": FitConfig.dropout,
        "picture": picture,
    }
    loader = environment.loader
    assert loader
    style = loader.get_source(environment, "page.css")[0]
    named = {field.name: getattr(facts, field.name) for field in fields(facts)}
    page = environment.get_template("page.html.j2").render(
        **named,
        judged=facts.judged,
        constant=facts.constant,
        style=Markup(style),
        params_text=params_text,
        commit=commit,
    )
    return page.encode()
