"""The page: templates, facts and pictures as one HTML file."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from noisylab.config.settings import FitConfig
from noisylab.core.errors import InputError
from noisylab.report.commit import Commit
from noisylab.report.facts import Facts
from noisylab.report.pictures import embed
from noisylab.report.run_files import REMEDY
from noisylab.report.scores import CALIBRATION, MEASURES, SETS, Versus, shown_classes
from noisylab.report.words import FILTERS

_NONE = Markup('<span class="none" aria-label="no figure" role="img">–</span>')


def render(facts: Facts, plots: str | Path, params_text: str, commit: Commit) -> bytes:
    """The page: the same bytes for the same arguments and files.

    plots: the folder of the pictures. params_text: the whole of params.yaml, to be shown.
    Raises InputError for a picture that is missing or broken, and for a figure that is missing.
    """
    style = files("noisylab.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("noisylab.report"),
        autoescape=True,
        undefined=_Missing,
        finalize=lambda value: _NONE if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals |= {
        "sets": SETS,
        "measures": MEASURES,
        "calibration": CALIBRATION,
        "versus": Versus,
        "shown_classes": shown_classes,
        "default_dropout": FitConfig.dropout,
        "picture": partial(embed, Path(plots)),
        "style": Markup(style),
        "params_text": params_text,
        "commit": commit,
    }
    try:
        return environment.get_template("page.html.j2").render(vars(facts)).encode()
    except KeyError as error:  # in a template, or in a method that it calls
        raise InputError(f"the metrics have no {error.args[0]!r}; {REMEDY}") from error


class _Missing(StrictUndefined):
    """Raises at once, since some filters would fail before a StrictUndefined does."""

    def __init__(
        self, hint: Any = None, obj: Any = None, name: Any = None, exc: Any = None
    ) -> None:
        raise KeyError(name)
