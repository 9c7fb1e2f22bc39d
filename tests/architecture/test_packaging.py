"""The five roots are ours alone: bare top-level packages are overwritten silently by another distribution that brings the same name."""

from __future__ import annotations

import importlib.util
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY, ROOTS


@pytest.mark.parametrize("root", ROOTS)
def test_no_other_distribution_brings_a_root_of_ours(root: str) -> None:
    """Whoever else installs a package of this name would replace our files, and delete them when it goes."""
    assert set(packages_distributions().get(root, ["uptier"])) == {"uptier"}


def test_the_roots_stand_side_by_side() -> None:
    """All five are imported from one folder, and it is this repository."""
    specs = [importlib.util.find_spec(root) for root in ROOTS]

    assert {Path(spec.origin).parent.parent for spec in specs if spec and spec.origin} == {REPOSITORY}


@pytest.mark.parametrize("root", ROOTS)
def test_each_root_says_that_it_is_typed(root: str) -> None:
    """Type checkers of those who import us read our annotations only where this file is."""
    assert (REPOSITORY / root / "py.typed").is_file()


def test_every_test_folder_is_a_package() -> None:
    """Without it pytest takes `tests/models` for `models`."""
    folders = {path.parent for path in (REPOSITORY / "tests").rglob("*.py")}

    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
