"""A verdict is masked, paused, stopped or given for reasons that its sentence names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.experiments.inference.contrast import Contrast, NotComputable, contrast
from models.experiments.inference.guard import Better, Guarded
from models.experiments.inference.sums import Cases
from models.experiments.plan import Arm, Design, Metric, MetricKind, Plan, PlanError
from models.experiments.verdict import Finding, Look, State, judge

CONVERSION = Metric(key="conversion", kind=MetricKind.RATE)
CHURN = Metric(key="churn", kind=MetricKind.RATE, better=Better.LOWER)
PLAN = Plan(
    key="offer-text",
    salt="offer-text-1",
    arms=(Arm(key="control", weight=0.5), Arm(key="warm", weight=0.5)),
    primary=CONVERSION,
    guardrails=(CHURN,),
    planned_units=20_000,
)


def _found(control: int, treatment: int, n: int = 10_000) -> Contrast:
    found = contrast(Cases(n, control), Cases(n, treatment))
    assert isinstance(found, Contrast)
    return found


LOOK = Look(days=14, units=(10_000, 10_000))


def test_nothing_is_shown_before_a_full_week_and_enough_units() -> None:
    """However clear it looks; the sentence says what is waited for."""
    for look, word in (
        (Look(days=6, units=(5_000, 5_000)), "7 full days"),
        (Look(days=9, units=(99, 101)), "100 units"),
    ):
        verdict = judge(PLAN, look, {"warm": _found(100, 900)}, {})

        assert verdict.state is State.MASKED
        assert word in verdict.sentence
        assert verdict.judged == ()


def test_missing_units_pause_before_anything_is_read() -> None:
    """Also before the week is over; the sentence has the counts."""
    verdict = judge(PLAN, Look(days=2, units=(10_000, 9_000)), {"warm": _found(500, 900)}, {})

    assert verdict.state is State.PAUSED
    assert "control 10000, warm 9000" in verdict.sentence
    assert verdict.winner is None


def test_a_harmed_guardrail_stops_even_a_masked_winner() -> None:
    """Harm is not waited for."""
    verdict = judge(PLAN, replace(LOOK, days=3), {"warm": _found(500, 900)}, {("warm", "churn"): _found(500, 900)})

    assert verdict.state is State.HARMED
    assert verdict.guardrails["warm", "churn"] is Guarded.HARMED
    assert verdict.sentence == "warm surely makes churn worse: stop it."


def test_a_clear_winner_is_named_with_its_interval() -> None:
    """The interval of the sentence is the one that decided."""
    verdict = judge(PLAN, LOOK, {"warm": _found(500, 650)}, {})

    assert (verdict.state, verdict.winner) == (State.DECIDED, "warm")
    judged = verdict.judged[0]
    assert judged.finding is Finding.BETTER
    assert judged.low is not None
    assert judged.low > 0
    assert f"{judged.low:+.1%}" in verdict.sentence


def test_a_metric_that_should_fall_is_won_by_falling() -> None:
    """And an arm that raises it loses, so that control stays."""
    plan = replace(PLAN, primary=replace(CONVERSION, better=Better.LOWER), guardrails=())

    assert judge(plan, LOOK, {"warm": _found(650, 500)}, {}).winner == "warm"
    stays = judge(plan, LOOK, {"warm": _found(500, 650)}, {})
    assert (stays.winner, stays.judged[0].finding) == ("control", Finding.WORSE)


def test_at_the_planned_size_nothing_found_is_a_result() -> None:
    """Before it, it is not."""
    assert judge(PLAN, LOOK, {"warm": _found(500, 510)}, {}).state is State.NOTHING_FOUND
    early = Look(days=14, units=(5_000, 5_000))
    assert judge(PLAN, early, {"warm": _found(250, 255, 5_000)}, {}).state is State.UNDECIDED


def test_a_planned_design_is_read_at_its_looks_alone() -> None:
    """At a look the bound decides: what a sequence would not yet see is found, and between looks nothing is said."""
    plan = replace(PLAN, design=Design.PLANNED)
    contrasts = {"warm": _found(500, 570)}

    assert judge(PLAN, LOOK, contrasts, {}).winner is None
    assert judge(plan, replace(LOOK, planned=1), contrasts, {}).winner == "warm"
    between = judge(plan, LOOK, contrasts, {})
    assert between.state is State.MASKED
    assert "10000, 20000 units" in between.sentence


def test_several_arms_are_corrected_for_being_several() -> None:
    """An arm that would win alone does not among ten that tried."""
    many = replace(PLAN, arms=(Arm(key="control", weight=0.5), *(Arm(key=f"a{k}", weight=0.05) for k in range(10))))
    look = Look(days=14, units=(10_000, *(1_000 for _ in range(10))))
    alone = judge(PLAN, LOOK, {"warm": _found(500, 605)}, {})
    among = judge(many, look, {f"a{k}": _found(500, 605 if k == 0 else 500) for k in range(10)}, {})

    assert alone.winner == "warm"
    assert among.winner is None
    assert among.judged[0].adjusted_p == pytest.approx(10 * (among.judged[0].p_value or 0))


def test_what_cannot_be_computed_is_said() -> None:
    """And is no verdict."""
    verdict = judge(PLAN, LOOK, {"warm": NotComputable("a ratio needs both means above zero")}, {})

    assert verdict.judged[0].finding is Finding.NOT_COMPUTABLE
    assert verdict.winner is None


def test_a_plans_digest_changes_with_anything_that_is_judged_by() -> None:
    """And with nothing else."""
    assert replace(PLAN).digest == PLAN.digest
    changed = (
        replace(PLAN, planned_units=9_000),
        replace(PLAN, alpha=0.1),
        replace(PLAN, primary=replace(CONVERSION, winsorise=0.99)),
    )
    assert len({PLAN.digest, *(plan.digest for plan in changed)}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"arms": (Arm(key="control", weight=1.0),)},
        {"arms": (Arm(key="a", weight=0.5), Arm(key="a", weight=0.5))},
        {"guardrails": (CONVERSION,)},
        {"fewest_days": 3},
        {"looks": (0.5, 0.9)},
        {"looks": (0.7, 0.5, 1.0)},
    ],
)
def test_a_plan_that_could_not_be_judged_fairly_is_refused(change: dict[str, object]) -> None:
    """When it is made, not when it is read."""
    with pytest.raises(PlanError):
        replace(PLAN, **change)  # type: ignore[arg-type] # (each is one of the plan's fields)
