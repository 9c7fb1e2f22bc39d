"""The report: masked until it may be read, decided by the plan's own test, and never at odds with its own explanation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.experiments.moments import Moments, Weighted
from models.experiments.bandit import Logged, read_out, read_out_of
from models.experiments.facts import from_facts, judge_again, to_facts
from models.experiments.figures import compare
from models.experiments.inference.contrast import Contrast
from models.experiments.inference.cuped import adjust
from models.experiments.inference.guard import Better
from models.experiments.inference.sums import Summarised
from models.experiments.plan import Arm, Design, Metric, MetricKind, Plan
from models.experiments.report import OTHERS, Evidence, Kept, facts_now, next_planned, report, verdict_now
from models.experiments.verdict import State, judge

if TYPE_CHECKING:
    from numpy.typing import NDArray

REVENUE = Metric(key="revenue", kind=MetricKind.MEAN)
CHURN = Metric(key="churn", kind=MetricKind.RATE, better=Better.LOWER, margin=0.1)
PLAN = Plan(
    key="prices",
    salt="prices",
    arms=(Arm(key="control", weight=0.5), Arm(key="warm", weight=0.5)),
    primary=Metric(key="conversion", kind=MetricKind.RATE),
    secondary=(REVENUE,),
    guardrails=(CHURN,),
    planned_units=4_000,
)


def _rate(n: int, share: float) -> Moments:
    return Moments(n=n, y=round(n * share), yy=round(n * share))


def _of(y: NDArray[Any], x: NDArray[Any] | None = None, m: NDArray[Any] | None = None) -> Moments:
    past = np.zeros_like(y) if x is None else x
    none = np.zeros_like(y) if m is None else m
    return Moments(
        n=y.size,
        y=float(y.sum()),
        yy=float((y * y).sum()),
        x=float(past.sum()),
        xx=float((past * past).sum()),
        xy=float((past * y).sum()),
        m=int(none.sum()),
        my=float((none * y).sum()),
    )


def _seen(n: int = 2_000, control: float = 0.10, warm: float = 0.15, *, days: int = 14, **changed: Any) -> Evidence:
    sums: dict[str, dict[str, Moments | Summarised]] = {
        "conversion": {"control": _rate(n, control), "warm": _rate(n, warm)},
        "revenue": {"control": Moments(n=n, y=5.0 * n, yy=100.0 * n), "warm": Moments(n=n, y=6.0 * n, yy=120.0 * n)},
        "churn": {"control": _rate(n, 0.05), "warm": _rate(n, 0.05)},
    }
    return Evidence(days=days, units={"control": n, "warm": n}, sums=sums, uncrossed=sums, **changed)


def test_a_clear_difference_is_decided_with_its_interval_and_its_views_beside_it() -> None:
    """+50 % at 2,000 an arm."""
    found = report(PLAN, _seen())

    assert (found["state"], found["winner"]) == ("decided", "warm")
    arm = found["metrics"][0]["arms"][0]
    assert arm["lift"] == pytest.approx(0.5)
    assert 0 < arm["low"] < arm["fixed"]["low"] < 0.5 < arm["fixed"]["high"] < arm["high"]
    assert arm["chance_higher"] > 0.99
    assert [metric["role"] for metric in found["metrics"]] == ["primary", "secondary", "guardrail"]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(("days", "n", "says"), [(6, 2_000, "full days"), (14, 50, "units in every arm")])
def test_nothing_is_shown_before_a_full_week_and_the_fewest_units(days: int, n: int, says: str) -> None:
    """No figure of any metric, segment or day is in the document: what is not there cannot be read by mistake."""
    parts = {"plan": {"pro": {"control": _rate(n, 0.1), "warm": _rate(n, 0.9)}}}
    found = report(PLAN, _seen(n, days=days, parts=parts))

    assert found["is_masked"]
    assert says in found["sentence"]
    assert (found["metrics"], found["segments"], found["sequence"]) == ([], [], [])


def test_an_arm_that_loses_units_pauses_and_shows_nothing() -> None:
    """3,000 against 2,000 where halves were given."""
    found = report(PLAN, replace(_seen(), units={"control": 3_000, "warm": 2_000}))

    assert (found["state"], found["is_masked"]) == ("paused", True)
    assert found["split"]["is_alarming"]


def test_the_smallest_levels_are_merged_and_p_values_corrected_over_all() -> None:
    """Twenty levels stay, the other five are one; adjusted values are never below raw ones."""
    levels = {
        f"s{number:02}": {"control": _rate(100 + number, 0.1), "warm": _rate(100 + number, 0.2)} for number in range(25)
    }
    found = report(PLAN, _seen(parts={"segment": levels}))["segments"][0]

    assert len(found["levels"]) == 21
    rest = next(level for level in found["levels"] if level["level"] == OTHERS)
    assert rest["units"] == 2 * sum(100 + number for number in range(5))
    assert all(level["adjusted_p"] >= level["p_value"] for level in found["levels"])


def test_a_planned_look_keeps_its_figures_until_the_next() -> None:
    """What came in after the look does not move the verdict; the first look that decides ends the test."""
    plan = replace(PLAN, design=Design.PLANNED, looks=(0.5, 1.0), planned_units=4_000)
    early = _seen(1_000, warm=0.18)
    assert next_planned(plan, early) == 0
    facts = facts_now(plan, early, planned=0)
    kept = [Kept(day=9, units=early.units, facts=facts, planned=0)]
    later = replace(_seen(1_700, warm=0.1), kept=kept)

    verdict, rests_on = verdict_now(plan, later)

    assert (verdict.state, verdict.winner) == (State.DECIDED, "warm")
    assert rests_on == facts
    assert next_planned(plan, later) is None
    assert next_planned(plan, replace(_seen(2_000), kept=kept)) == 1
    assert next_planned(plan, replace(early, days=6)) is None
    assert next_planned(PLAN, early) is None


counts = st.integers(0, 3_000)
shares = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.tuples(counts, counts), st.tuples(shares, shares), st.tuples(shares, shares))
def test_explanation_and_verdict_never_disagree(
    days: int, units: tuple[int, int], rates: tuple[float, float], churn: tuple[float, float]
) -> None:
    """The facts that are kept lead to the very sentence and state of the report, also after a journey through JSON."""
    arms = ("control", "warm")
    sums: dict[str, dict[str, Moments | Summarised]] = {
        "conversion": {arm: _rate(n, rate) for arm, n, rate in zip(arms, units, rates, strict=True)},
        "churn": {arm: _rate(n, rate) for arm, n, rate in zip(arms, units, churn, strict=True)},
    }
    seen = Evidence(days=days, units=dict(zip(arms, units, strict=True)), sums=sums)
    found = report(PLAN, seen)

    again = judge_again(PLAN, json.loads(json.dumps(found["facts"])))

    assert (again.sentence, again.state.value, again.winner) == (found["sentence"], found["state"], found["winner"])
    look, contrasts, guarded = from_facts(found["facts"])
    assert to_facts(look, contrasts, guarded) == found["facts"]
    assert judge(PLAN, look, contrasts, guarded).sentence == found["sentence"]


def test_the_past_takes_out_what_it_explains_and_new_customers_do_not_count_as_poor_ones() -> None:
    """The same as least squares on the rows with both covariates; an arm with more new customers is not told it did worse."""
    rng = np.random.default_rng(3)
    rows = {}
    for arm, new, lift in (("control", 0.25, 0.0), ("warm", 0.30, 1.0)):
        m = (rng.random(4_000) < new).astype(float)
        x = np.where(m == 1, 0.0, rng.gamma(2, 10, 4_000))
        rows[arm] = (np.where(m == 1, 4.0, x) + rng.normal(0, 1, 4_000) + lift + 10, x, m)
    sums = {arm: _of(*values) for arm, values in rows.items()}

    found = adjust(sums["control"], sums["warm"])

    y, x, m = (np.concatenate([rows["control"][place], rows["warm"][place]]) for place in range(3))
    design = np.column_stack([np.ones_like(y), x, m])
    theta = np.linalg.lstsq(design, y, rcond=None)[0][1:]
    for arm, moved in (("control", found.control), ("warm", found.treatment)):
        one, two, three = rows[arm]
        left = one - theta[0] * (two - x.mean()) - theta[1] * (three - m.mean())
        assert moved.mean == pytest.approx(left.mean())
        assert moved.variance == pytest.approx(left.var(ddof=1))
    assert found.treatment.mean - found.control.mean == pytest.approx(1.0, abs=0.1)
    assert found.explained > 0.9


def test_a_metric_uses_its_past_and_a_cluster_is_one_unit() -> None:
    """With a past the standard error shrinks; members of one customer count together."""
    rng = np.random.default_rng(1)
    x = rng.gamma(2, 10, 4_000)
    y = x + rng.normal(0, 2, 4_000) + 5
    halves = _of(y[:2_000], x[:2_000]), _of(y[2_000:], x[2_000:])
    with_past, without = compare(REVENUE, *halves), compare(replace(REVENUE, uses_past=False), *halves)
    assert isinstance(with_past.found, Contrast)
    assert isinstance(without.found, Contrast)
    assert with_past.found.se < without.found.se / 4

    members = rng.integers(1, 6, 500).astype(float)
    of_cluster = members * rng.normal(10, 3, 500)
    clustered = compare(REVENUE, _of(of_cluster, members), _of(of_cluster * 1.1, members), clustered=True)
    assert clustered.control is not None
    assert clustered.control.mean == pytest.approx(of_cluster.sum() / members.sum())


def test_a_bandits_read_out_is_the_same_from_sums_as_from_rows() -> None:
    """Weighted by logged propensities."""
    rng = np.random.default_rng(5)
    arm, propensity, outcome = rng.integers(0, 2, 400), rng.uniform(0.2, 0.8, 400), rng.normal(3, 1, 400)
    mine = arm == 1
    w, y = 1 / propensity[mine], outcome[mine]
    sums = Weighted(
        n=400,
        shown=int(mine.sum()),
        w=float(w.sum()),
        wy=float((w * y).sum()),
        ww=float((w * w).sum()),
        wwy=float((w * w * y).sum()),
        wwyy=float((w * w * y * y).sum()),
    )

    by_rows, by_sums = read_out(Logged(arm, propensity, outcome), 1), read_out_of(sums)

    assert isinstance(by_rows, Summarised)
    assert isinstance(by_sums, Summarised)
    assert by_sums.mean == pytest.approx(by_rows.mean)
    assert by_sums.variance == pytest.approx(by_rows.variance, rel=1e-9)
