"""`pytest tests/vectors --vectors DIR` runs the cases of another folder of vector files; the default is the project's own copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vectors.areas import OFFERED
from tests.vectors.case import load

OWN_DATA = Path(__file__).parent / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option; pytest honours it when this folder is given on its command line."""
    parser.addoption("--vectors", type=Path, default=None, help="a folder of vector files to run in place of our copy")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case, named by the case's id; a folder without cases is an error, never an empty run."""
    if not {"case", "areas_in_file"} & set(metafunc.fixturenames):
        return
    folder = metafunc.config.getoption("--vectors", default=None) or OWN_DATA
    cases = load(folder)
    if not cases:
        raise pytest.UsageError(f"there are no billing vectors in {folder}")
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [case for case in cases if case.area in OFFERED], ids=lambda case: case.id)
    else:
        metafunc.parametrize("areas_in_file", [frozenset(case.area for case in cases)], ids=["file"])
