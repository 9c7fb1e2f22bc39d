"""How far and how surely values moved, beside answers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from training.watch.drift import Bins, adjusted_by_bh, adjusted_by_holm, bin_values, shift_of


def test_two_bins_by_hand() -> None:
    """Ninety to ten against fifty to fifty: the index and the chi-square test of the textbook."""
    then = Bins(edges=(0.0,), counts=(900, 100), missing=0)
    now = np.repeat([0.0, 1.0], 500)

    found = shift_of(then, now)

    assert found.psi == pytest.approx((0.5 - 0.9) * np.log(0.5 / 0.9) + (0.5 - 0.1) * np.log(0.5 / 0.1), abs=5e-3)
    wanted = chi2_contingency([[900, 100], [500, 500]], correction=False).pvalue
    assert found.p_value == pytest.approx(wanted, rel=1e-9)


@given(st.lists(st.one_of(st.integers(0, 5).map(float), st.just(float("nan"))), min_size=1, max_size=300))
def test_values_beside_themselves_have_not_moved(values: list[float]) -> None:
    """Every value is in one bin, ties together, and holes are counted."""
    array = np.array(values)
    bins = bin_values(array)

    assert bins.rows == array.size
    assert bins.missing == int(np.isnan(array).sum())
    assert Bins.from_document(bins.to_document()) == bins
    found = shift_of(bins, array)
    assert found.psi == pytest.approx(0)
    assert found.p_value == pytest.approx(1)


def test_few_rows_prove_nothing_and_new_holes_do() -> None:
    """Ten rows may lie anywhere; a column that went missing for a third of a thousand is a shift."""
    bins = bin_values(np.arange(1000.0))
    assert shift_of(bins, np.full(10, 5000.0)).p_value == 1.0

    holes = np.where(np.arange(1000) % 3 == 0, np.nan, np.arange(1000.0))
    found = shift_of(bins, holes)
    assert found.missing_now == pytest.approx(0.334)
    assert found.psi > 0.25
    assert found.p_value < 1e-12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_corrections_only_raise_and_keep_the_order(p_values: list[float]) -> None:
    """Holm's is never below Benjamini and Hochberg's, neither is below what it corrects, and ranks stay."""
    holm, bh = adjusted_by_holm(p_values), adjusted_by_bh(p_values)

    assert all(raw <= low + 1e-12 and low <= high + 1e-12 for raw, low, high in zip(p_values, bh, holm, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]).min(initial=0) >= -1e-12 for adjusted in (holm, bh))
    assert adjusted_by_holm([0.01], tests=10) == [0.1]
