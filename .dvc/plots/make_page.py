"""Make page.html, the page of `dvc plots show` and `diff`, out of page_source.html.

DVC's own page loads Vega from the internet; this one holds it. Run this again
after changing page_source.html or the version of vl-convert-python:

    python .dvc/plots/make_page.py
"""

from importlib.metadata import version
from pathlib import Path

import vl_convert

HERE = Path(__file__).parent


def make_page() -> str:
    """The text of page.html; the same for the same source and vl-convert-python."""
    vega_lite = vl_convert.get_vegalite_versions()[-1]
    header = (
        f"Made by make_page.py with vl-convert-python {version('vl-convert-python')}: "
        "edit page_source.html instead.\n"
        f"Holds Vega {vl_convert.get_vega_version()}, Vega-Lite {vega_lite}, "
        f"Vega-Embed {vl_convert.get_vega_embed_version()} and what they need:\n\n"
        + (HERE / "page_licenses.txt").read_text(encoding="utf-8")
    )
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega_lite)
    # In a script element these two, and nothing else, would be read as HTML.
    bundle = bundle.replace("</script", r"<\/script").replace("<!--", r"<\!--")
    source = (HERE / "page_source.html").read_text(encoding="utf-8")
    return source.replace("@HEADER@", header).replace("@BUNDLE@", bundle)


if __name__ == "__main__":
    (HERE / "page.html").write_text(make_page(), encoding="utf-8", newline="\n")
