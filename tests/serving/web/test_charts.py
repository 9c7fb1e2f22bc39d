"""Charts are well-formed, say what they show, and never let data become markup."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.web.charts import WIDE, WIDTH, Point, bars, histogram, line, reliability, ticks

_SVG = "{http://www.w3.org/2000/svg}"
_texts = st.text(st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="\ufffe\uffff"), max_size=40)
_points = st.lists(st.builds(Point, _texts, st.floats(0, 1e12), _texts), min_size=1, max_size=30)


def _read(chart: str) -> ET.Element:
    return ET.fromstring(chart.replace("<svg ", f'<svg xmlns="{_SVG[1:-1]}" ', 1))  # noqa: S314 (our own text)


def _all(chart: str, name: str) -> list[ET.Element]:
    return list(_read(chart).iter(_SVG + name))


@given(_points)
def test_any_names_and_sizes_make_a_well_formed_chart_inside_its_frame(points: list[Point]) -> None:
    """Whatever data says, the text parses, has a title and a description, and no bar or dot leaves the frame."""
    for chart in (bars("a", "Title", points), line("b", "Title", points)):
        root = _read(chart)
        assert [root[0].tag, root[1].tag] == [_SVG + "title", _SVG + "desc"]
        assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    for bar in _all(bars("a", "Title", points), "rect"):
        assert float(bar.get("x", "")) + float(bar.get("width", "")) <= WIDTH
    for dot in _all(line("b", "Title", points), "circle"):
        assert 0 <= float(dot.get("cx", "")) <= WIDE
        assert float(dot.get("cy", "")) >= 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(2, 20))
def test_a_histogram_loses_nobody(values: list[float], bins: int) -> None:
    """The counts in the bars' titles add up to how many values there were."""
    titles = [bar[0].text or "" for bar in _all(histogram("h", "Risk", values, bins=bins), "rect")]

    assert len(titles) == bins
    assert sum(int(title.rsplit(": ", 1)[1].replace(",", "")) for title in titles) == len(values)


@given(st.floats(1e-6, 1e15))
def test_ticks_are_few_round_and_reach_the_largest_value(most: float) -> None:
    """From 0 in equal steps of 1, 2 or 5 times a power of ten, the last at or above the value."""
    found = ticks(most)

    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-6)
    assert len(found) <= 6
    assert round(found[1] / 10 ** math.floor(math.log10(found[1]) + 1e-9)) in {1, 2, 5, 10}


def test_bars_are_as_long_as_their_values() -> None:
    """Half the value is half the bar."""
    widths = [
        float(bar.get("width", "")) for bar in _all(bars("k", "T", [Point("a", 10, "10"), Point("b", 5, "5")]), "rect")
    ]

    assert widths[1] == pytest.approx(widths[0] / 2)


def test_data_never_becomes_markup() -> None:
    """A segment named like a script is a name."""
    hostile = Point("</title><script>alert(1)</script>", 1, '"><img src=x>')

    for chart in (bars("k", "T", [hostile]), line("k", "T", [hostile, hostile])):
        assert "<script" not in chart
        assert "<img" not in chart


@pytest.mark.parametrize("chart", [bars("k", "T", []), line("k", "T", []), histogram("k", "T", [])])
def test_no_data_is_said_in_words(chart: str) -> None:
    """An empty chart is no blank."""
    assert "Nothing to show yet" in chart


def test_a_calibration_curve_lies_on_the_line_where_promises_come_true() -> None:
    """Each point stands at its promised and found rate, and says both."""
    bins = [
        {"promised": rate, "found": rate, "low": rate - 0.05, "high": rate + 0.05, "rows": 50.0} for rate in (0.1, 0.3)
    ]

    drawn = reliability("calibration", "Promised & found", bins)

    assert "Promised &amp; found" in drawn
    assert drawn.count("<circle") == 2
    assert "promised 10.0%, found 10.0% of 50" in drawn
    assert "Nothing to show yet" in reliability("calibration", "none", ())
