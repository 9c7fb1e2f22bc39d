"""Every case of the experiment vectors whose method the product offers; those left out are named with their reason."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from models.experiments.assign import Namespace, assign, ranges
from models.experiments.hashing import HashVersionError, fraction
from tests.vectors.conftest import OWN_DATA
from tests.vectors.experiments import LEFT_OUT, METHODS, UNREAD

if TYPE_CHECKING:
    from pathlib import Path

NAME = "experiments.json"


def _document(folder: Path) -> dict[str, Any] | None:
    path = folder / NAME
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@pytest.fixture(scope="module")
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The file of the folder that was given, else our copy."""
    given = request.config.getoption("--vectors", default=None)
    found = _document(given) if given else None
    own = found or _document(OWN_DATA)
    assert own is not None
    return own


def test_every_offered_method_gives_the_reference_figures(document: dict[str, Any]) -> None:
    """Within the tolerance that the case names; each expected figure has a reading."""
    wrong = []
    for case in document["numeric"]:
        if case["method"] in METHODS:
            answer = METHODS[case["method"]](case["input"])
            for name, expected in case["expected"].items():
                if name not in UNREAD.get(case["method"], ()) and not _equal(
                    answer.get(name), expected, case["tolerance"]
                ):
                    wrong.append((case["id"], name, answer.get(name), expected))

    assert not wrong


def test_every_method_is_offered_or_left_out_with_a_reason(document: dict[str, Any]) -> None:
    """None is passed over in silence."""
    methods = {case["method"] for case in document["numeric"]}

    assert methods <= METHODS.keys() | LEFT_OUT.keys(), f"unknown: {sorted(methods - METHODS.keys() - LEFT_OUT.keys())}"
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())
    assert not METHODS.keys() & LEFT_OUT.keys()


def test_the_hash_equals_the_fields_clients(document: dict[str, Any]) -> None:
    """Over UTF-16 code units; an unknown version is refused."""
    for case in document["hash"]["cases"]:
        if case["n"] is None:
            with pytest.raises(HashVersionError):
                fraction(case["seed"], case["value"], case["version"])
        else:
            assert fraction(case["seed"], case["value"], case["version"]) == case["n"], case


def test_ranges_assignments_and_namespaces_equal_the_fields_clients(document: dict[str, Any]) -> None:
    """A unit is in the same arm wherever it is asked."""
    for case in document["bucket_ranges"]:
        found = ranges(case["num_variations"], case["coverage"], case["weights"])
        assert [pytest.approx(list(each), abs=1e-9) for each in found] == case["ranges"]
    for case in document["assignments"]:
        allocation = ranges(len(case["weights"]), case["coverage"], case["weights"])
        assert fraction(case["seed"], case["value"]) == case["n"]
        assert assign(case["seed"], case["value"], allocation) == case["variation"], case
    for case in document["namespaces"]["cases"]:
        assert Namespace(*case["namespace"]).holds(case["user"]) is case["in"]


def _equal(found: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, list):
        return len(found) == len(expected) and all(
            _equal(a, b, tolerance) for a, b in zip(found, expected, strict=True)
        )
    if expected is None:
        return found is None or not math.isfinite(found)
    return found is not None and abs(found - expected) <= max(tolerance, 1e-12)
