"""What the worker does for experiments: looks once a day, pauses what loses units, enrols and frees, and shifts a bandit's shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.entitlements.grant import ARM
from billing.entitlements.store import GrantStore
from billing.purchases.store import PurchaseStore
from features.experiments.experiment import Status
from features.experiments.exposures_store import Exposed, ExposureStore
from features.experiments.store import ExperimentStore, running_of
from models.experiments.facts import judge_again
from models.experiments.plan_document import from_document
from serving.experiments.gather import report_of
from serving.experiments.manage import create, raise_coverage, start, stop
from serving.experiments.tend import tend_experiments
from serving.predict.trials import kept_arms, trials_of
from serving.settings import Settings
from serving.wiring import Services, build
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database, Unit
    from features.experiments.experiment import Experiment

PLANNED: dict[str, Any] = {
    "key": "prices",
    "arms": [{"key": "control"}, {"key": "warm", "treatment": {"message": "Hello"}}],
    "primary": {"key": "orders"},
    "planned_units": 400,
    "fewest_units_an_arm": 20,
}
DAY = timedelta(days=1)


@pytest.fixture
def wired(database: Database, tmp_path: Path) -> Iterator[tuple[Services, Shop]]:
    """Services over a shop of four hundred customers of whom nobody is held out."""
    url = database.url.render_as_string(hide_password=False)
    options: dict[str, Any] = {"database_url": url, "mlflow_uri": "off", "holdout_per_ten_thousand": 0}
    services = build(Settings(home=tmp_path / "home", _env_file=None, **options))
    yield services, open_shop(services.database, customers=tuple(f"c{number}" for number in range(400)))
    services.database.close()


def _begin(unit: Unit, **changed: Any) -> Experiment:
    create(unit, {**PLANNED, **changed}, currency="EUR", now=START)
    return start(unit, "prices", now=START)


def _expose(unit: Unit, experiment: Experiment, share: float = 1.0) -> dict[str, str]:
    """Everybody in their own arm; of the second arm only a share. The answer is the arm by customer id."""
    running = running_of(experiment)
    ids = CustomerStore(unit).ids_by_key(f"c{number}" for number in range(400))
    found: dict[str, str] = {}
    rows = []
    for number, (key, customer_id) in enumerate(ids.items()):
        for trial in trials_of([running], key, None):
            if trial.is_control or number % 100 < share * 100:
                found[customer_id] = trial.arm
                rows.append(_exposed(experiment, key, customer_id, trial.arm))
    ExposureStore(unit).add(rows)
    return found


def _exposed(experiment: Experiment, key: str, customer_id: str, arm: str) -> Exposed:
    return Exposed(
        experiment=experiment.run,
        unit=key,
        customer_id=customer_id,
        arm=arm,
        at=START + DAY,
        counterfactual=False,
        propensity=0.5,
    )


def _order(unit: Unit, arms: dict[str, str], rates: dict[str, float]) -> None:
    """So many of each arm's customers order, two days in."""
    counts = dict.fromkeys(rates, 0)
    rows = []
    for number, (customer_id, arm) in enumerate(sorted(arms.items())):
        counts[arm] += 1
        if counts[arm] % 100 < rates[arm] * 100:
            row = {"key": f"o{number}", "customer_id": customer_id, "item": "tea", "basket": f"b{number}"}
            at = START + 2 * DAY
            rows.append(row | {"at": at, "received_at": at, "quantity": 1, "amount_minor": 900, "currency": "EUR"})
    PurchaseStore(unit).insert(rows)


def test_a_look_is_kept_once_a_day_and_its_sentence_is_what_its_facts_say(wired: tuple[Services, Shop]) -> None:
    """Two rounds on one day are one look; the report draws what was kept."""
    services, shop = wired
    with services.database.unit(shop.scope) as unit:
        experiment = _begin(unit)
        _order(unit, _expose(unit, experiment), {"control": 0.2, "warm": 0.7})

    for day in range(1, 10):
        for _ in range(2):
            tend_experiments(services, shop.scope, now=START + day * DAY)

    with services.database.view(shop.scope) as unit:
        looks = ExperimentStore(unit).looks(experiment.id)
        document = report_of(unit, experiment, now=START + 9 * DAY)
        undescribed = ExposureStore(unit).undescribed(10)
    assert [look.day for look in looks] == list(range(1, 10))
    plan = from_document(experiment.plan)
    assert all(judge_again(plan, look.facts).sentence == look.facts["sentence"] for look in looks)
    assert [look.facts["state"] for look in looks[5:7]] == ["masked", "decided"]
    assert document["winner"] == "warm"
    assert [look["day"] for look in document["sequence"]] == list(
        range(3, 10)
    )  # the first orders come after the second look
    assert not undescribed
    assert {row["by"] for row in document["segments"]} == {"segment", "plan", "week"}


def test_an_experiment_that_loses_units_is_paused_with_the_reason(wired: tuple[Services, Shop]) -> None:
    """Half of one arm is missing: the next look pauses it, and nobody is drawn until it is resumed."""
    services, shop = wired
    with services.database.unit(shop.scope) as unit:
        experiment = _begin(unit)
        _expose(unit, experiment, share=0.2)

    done = tend_experiments(services, shop.scope, now=START + 3 * DAY)

    assert (done.looked, done.paused) == (1, 1)
    with services.database.view(shop.scope) as unit:
        found = ExperimentStore(unit).get("prices")
        assert ExperimentStore(unit).running() == []
    assert found.status is Status.PAUSED
    assert "do not have the units they were given" in (found.why or "")


def test_raising_coverage_moves_nobody_and_sticky_arms_stay(wired: tuple[Services, Shop]) -> None:
    """Those enrolled keep their arms under any coverage; a kept arm wins over the hash."""
    services, shop = wired
    keys = [f"c{number}" for number in range(400)]
    with services.database.unit(shop.scope) as unit:
        experiment = _begin(unit, coverage=0.3, sticky=True)
        before = {key: trials_of([running_of(experiment)], key, None) for key in keys}
        after = raise_coverage(unit, "prices", 0.9, now=START + DAY)
        running = running_of(after)
        ids = CustomerStore(unit).ids_by_key(["c1"])
        ExposureStore(unit).add([_exposed(after, "c1", ids["c1"], "control")])
        kept = kept_arms(unit, [running], "c1", None)

    enrolled = {key: trials[0].arm for key, trials in before.items() if trials}
    assert 60 < len(enrolled) < 180
    assert all(trials_of([running], key, None)[0].arm == arm for key, arm in enrolled.items())
    assert kept == {"prices": "control"}
    assert trials_of([replace(running, coverage=0.0)], "c1", None, kept=kept)[0].arm == "control"
    assert trials_of([running], "c1", None, held_out=True) == ()


def test_arms_give_rights_to_everybody_drawn_and_take_them_back_at_the_end(wired: tuple[Services, Shop]) -> None:
    """Both arms are exposed when the rights are given; after the stop no right of the arm is left."""
    services, shop = wired
    arms = [{"key": "control"}, {"key": "warm", "gives": {"early_access": True}}]
    with services.database.unit(shop.scope) as unit:
        experiment = _begin(unit, arms=arms)

    first = tend_experiments(services, shop.scope, now=START + timedelta(hours=1))
    again = tend_experiments(services, shop.scope, now=START + timedelta(hours=2))

    assert (first.enrolled, again.enrolled) == (400, 0)
    with services.database.view(shop.scope) as unit:
        counts = ExposureStore(unit).counts("prices")
    assert min(counts.values()) > 150
    assert _given(services, shop, START + DAY) == counts["warm"]

    with services.database.unit(shop.scope) as unit:
        stop(unit, "prices", why="enough", now=START + 2 * DAY)
    tend_experiments(services, shop.scope, now=START + 2 * DAY)

    assert _given(services, shop, START + 3 * DAY) == 0
    with services.database.view(shop.scope) as unit:
        assert ExperimentStore(unit).by_id(experiment.id).freed_at == START + 2 * DAY


def _given(services: Services, shop: Shop, now: Any) -> int:
    with services.database.view(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(f"c{number}" for number in range(400)).values()
        grants = [grant for customer in ids for grant in GrantStore(unit).of_customer(customer, now)]
    return sum(grant.source_kind == ARM for grant in grants)


def test_a_bandits_shares_follow_success_and_its_read_out_is_by_logged_propensities(
    wired: tuple[Services, Shop],
) -> None:
    """The first week keeps the plan's shares; then the better arm gets more, and the report has no Welch test."""
    services, shop = wired
    with services.database.unit(shop.scope) as unit:
        experiment = _begin(unit, kind="bandit")
        _order(unit, _expose(unit, experiment), {"control": 0.2, "warm": 0.6})

    tend_experiments(services, shop.scope, now=START + 3 * DAY)
    tend_experiments(services, shop.scope, now=START + 8 * DAY)

    with services.database.view(shop.scope) as unit:
        shares = ExperimentStore(unit).shares(experiment.id)
        running = ExperimentStore(unit).running()[0]
        document = report_of(unit, experiment, now=START + 9 * DAY)
    first, _ = shares
    assert dict(first[1]) == {"control": 0.5, "warm": 0.5}
    assert running.shares is not None
    assert running.shares["warm"] > 0.9
    assert sum(running.shares.values()) == pytest.approx(1)
    assert "metrics" not in document
    means = {arm["arm"]: arm["mean"] for arm in document["read_out"]}
    assert means["warm"] == pytest.approx(sum(number % 100 < 60 for number in range(1, 184)) / 183)
    assert means["control"] == pytest.approx(sum(number % 100 < 20 for number in range(1, 218)) / 217)
