"""The sections of the page, in the order in which they are told."""

from __future__ import annotations

from noisylab.config.params import Params
from noisylab.report.attacking import attack_section
from noisylab.report.blocks import Section, Story
from noisylab.report.data import data_section
from noisylab.report.fixed import fixed_section
from noisylab.report.lab_report import lab_report_of
from noisylab.report.labels import relabel_section
from noisylab.report.results import Results
from noisylab.report.summary import runs_section, short_section
from noisylab.report.sweeping import sweep_section
from noisylab.report.training import augmented_section, balanced_section, baseline_section

_SECTIONS = (
    short_section,
    data_section,
    baseline_section,
    balanced_section,
    augmented_section,
    relabel_section,
    fixed_section,
    sweep_section,
    attack_section,
    runs_section,
)


def story_of(results: Results, params: Params) -> Story:
    """What is told of; the lab report's figures are with it where the images are its images."""
    return Story(results, params, lab_report_of(results.data))


def tell(story: Story) -> list[Section]:
    """All sections but the parameters, each of them chosen by the results."""
    return [section(story) for section in _SECTIONS]
