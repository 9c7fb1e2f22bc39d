"""The example that newcomers copy must run as printed."""

from __future__ import annotations

import doctest

from tests.data_files import REPOSITORY


def test_the_readme_example_runs_as_printed() -> None:
    """Every prompt of features/README.md gives the answer below it."""
    result = doctest.testfile(str(REPOSITORY / "features" / "README.md"), module_relative=False)

    assert result.attempted >= 8
    assert result.failed == 0
