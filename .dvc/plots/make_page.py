"""Build page.html, the page of `dvc plots show` and `dvc plots diff`, from page_source.html.

DVC's own page loads Vega from the internet; this one embeds it, so it works offline.
Run this again after changing page_source.html or the version of vl-convert-python:

    python .dvc/plots/make_page.py
"""

from importlib.metadata import version
from pathlib import Path

import vl_convert

HERE = Path(__file__).parent


def make_page() -> str:
    """The text of page.html; deterministic for a given source and version of vl-convert-python."""
    vega_lite = vl_convert.get_vegalite_versions()[-1]
    header = (
        f"Made by make_page.py with vl-convert-python {version('vl-convert-python')}: "
        "edit page_source.html instead.\n"
        f"Holds Vega {vl_convert.get_vega_version()}, Vega-Lite {vega_lite}, "
        f"Vega-Embed {vl_convert.get_vega_embed_version()} and what they need:\n\n"
        + (HERE / "page_licenses.txt").read_text(encoding="utf-8")
    )
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega_lite)
    # Only these two strings would be parsed as HTML inside a script element.
    bundle = bundle.replace("</script", r"<\/script").replace("<!--", r"<\!--")
    source = (HERE / "page_source.html").read_text(encoding="utf-8")
    return source.replace("@HEADER@", header).replace("@BUNDLE@", bundle)


if __name__ == "__main__":
    (HERE / "page.html").write_text(make_page(), encoding="utf-8", newline="\n")
