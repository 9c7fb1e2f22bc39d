"""A report as HTML: the part that a page shows, and one file that needs nothing else, to be sent around and kept.

The document is laid out and nothing is calculated; what it masks is not in it, so it cannot be in here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from serving.experiments.charts import Interval, band, by_day, intervals
from serving.report_file import framed

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENVIRONMENT = Environment(
    loader=PackageLoader("serving.experiments"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def body(document: Mapping[str, Any]) -> str:
    """The report as a part of a page, charts inline."""
    charts = {"lifts": _lifts(document), "days": _days(document)}
    return _ENVIRONMENT.get_template("body.html").render(report=document, charts=charts)


def self_contained(document: Mapping[str, Any]) -> str:
    """The report as one HTML file with its style and charts in it; it loads nothing and runs nothing."""
    version = f", version {document['version']}" if document["version"] > 1 else ""
    about = f"{document['experiment']}{version}, as of {document['as_of'][:16].replace('T', ' ')} UTC"
    return framed(body(document), title=f"{document['name']}: experiment report", heading=document["name"], about=about)


def _lifts(document: Mapping[str, Any]) -> str:
    rows = [
        Interval(f"{metric['key']}, {arm['arm']}", arm["lift"], arm["low"], arm["high"])
        for metric in document.get("metrics", ())
        for arm in metric["arms"]
        if "lift" in arm
    ]
    return intervals("lifts", "Changes against control with their intervals", rows) if rows else ""


def _days(document: Mapping[str, Any]) -> list[dict[str, str]]:
    days = sorted(document["units_by_day"])
    counts = [(arm, [document["units_by_day"][day].get(arm, 0) for day in days]) for arm in document["units"]]
    drawn = [{"title": "Who has come so far, by arm", "svg": by_day("units", "Units by arm", days, counts)}]
    looks = document.get("sequence") or ()
    for arm in document["units"]:
        mine = [look for look in looks if look["arm"] == arm]
        if mine:
            rows = [Interval(arm, look["lift"], look["low"], look["high"]) for look in mine]
            title = f"{document['primary']}, {arm}: from look to look"
            svg = band(f"band-{arm}", title, [look["day"] for look in mine], rows)
            drawn.append({"title": title, "svg": svg})
    return drawn
