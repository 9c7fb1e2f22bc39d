"""The catalogue is whole and sound, its sets are of it, and a wrong name is answered with the right one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from features.catalog import FEATURE_SETS, VIEWS, UnknownViewError, view_named, views_named
from features.view import base_views, spec_hash
from tests.data_files import REPOSITORY


def test_every_view_has_its_own_name_and_says_what_it_is() -> None:
    """Names are unique, parts of derived views are listed themselves, and each has a sentence."""
    names = [view.name for view in VIEWS]

    assert len(set(names)) == len(names)
    assert {view.name for view in base_views(VIEWS)} <= set(names)
    assert all(view.description.endswith(".") and view.owner and view.personal_data for view in VIEWS)


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_a_set_is_of_the_catalogue_without_repeats(name: str) -> None:
    """The order of a set is that of its model's columns."""
    views = views_named(FEATURE_SETS[name])

    assert tuple(view.name for view in views) == FEATURE_SETS[name]
    assert len(base_views(views)) > 5
    assert len(spec_hash(views)) == 64


def test_a_wrong_name_is_answered_with_those_that_are_close() -> None:
    """The error is a sentence for people and a list for programs."""
    with pytest.raises(UnknownViewError, match="did you mean orders_30d") as caught:
        view_named("order_30d")

    assert "orders_30d" in caught.value.facts["close"]


def test_a_name_like_no_other_is_answered_without_a_guess() -> None:
    """No hint is better than a silly one."""
    with pytest.raises(UnknownViewError, match=r"no feature view 'zzz'$"):
        view_named("zzz")


def test_the_online_path_loads_neither_arrow_nor_duckdb() -> None:
    """The service folds one customer's rows without the heavy libraries of training."""
    code = (
        "import sys, features.catalog, features.fold_engine; print({'pyarrow', 'duckdb', 'numpy'} & set(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "set()"
