"""The one frame of every report that is sent around as a file: style and charts are inside, nothing is loaded and nothing runs."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=PackageLoader("serving"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def framed(body: str, *, title: str, heading: str, about: str = "") -> str:
    """A part of a page (trusted HTML) as a file of its own; the other words are escaped."""
    template = _ENVIRONMENT.get_template("report_file.html")
    return template.render(body=body, title=title, heading=heading, about=about)
