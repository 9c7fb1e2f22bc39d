"""Evaluations: who enters and leaves is told once, the same moment changes nothing, and what is found in bulk is what is said of one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.db.outbox import waiting_facts
from billing.purchases.store import PurchaseStore
from billing.subscriptions.subscribe import subscribe
from features.privacy.erase import erase_customer
from features.privacy.profiling import set_profiling
from features.scores.store import Score, ScoreStore
from features.segments.evaluate import drop_rule, evaluate_all, evaluate_rule, why
from features.segments.routine import tend_segments
from features.segments.rules.store import RuleNotFoundError, RuleStore, TooManyRulesError
from features.segments.rules.tree import read_tree
from features.segments.standing.store import StandingStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database

DAY = timedelta(days=1)
NOW = START + 100 * DAY
KEYS = ("ann", "bob", "cleo", "dora")
RULES: dict[str, dict[str, Any]] = {
    "often": {"feature": "orders_90d", "op": ">=", "value": 3},
    "paying": {"plan": ["starter", "plus"]},
    "going": {
        "any": [{"segment": ["lapsed", "at_risk"], "scheme": "life_cycle"}, {"score": "churn", "op": ">", "value": 0.5}]
    },
    "rest": {"not": {"feature": "orders_365d", "op": ">", "value": 0}},
}


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ann comes weekly up to now, Bob came weekly long ago, Cleo pays for a plan, and Dora is at risk by her score."""
    shop = open_shop(database, customers=KEYS)
    for week in range(12):
        _buy(shop, "ann", NOW - DAY - week * 7 * DAY)
        _buy(shop, "bob", START - week * 7 * DAY)
    with database.unit(shop.scope) as unit:
        subscribe(unit, "cleo", "starter", now=START)
        dora = CustomerStore(unit).get("dora").id
        ScoreStore(unit).replace("churn", [Score(customer_id=dora, version="v", as_of=NOW, value=0.9, document={})])
        for key, tree in RULES.items():
            RuleStore(unit).put(key, key.title(), read_tree(tree), START)
    return shop


def _buy(shop: Shop, key: str, at: datetime) -> None:
    with shop.database.unit(shop.scope) as unit:
        line = {"key": f"{key}{at.isoformat()}", "customer_id": CustomerStore(unit).get(key).id, "item": "tea"}
        times = {"basket": f"{key}{at.isoformat()}", "at": at, "received_at": at}
        PurchaseStore(unit).insert([{**line, **times, "quantity": 1, "amount_minor": 700, "currency": "EUR"}])


def _standing(shop: Shop) -> dict[str, dict[str, str]]:
    """Scheme -> customer key -> segment."""
    with shop.database.view(shop.scope) as unit:
        names = {each: key for key, each in CustomerStore(unit).ids_by_key(KEYS).items()}
        found = {}
        for scheme in ("life_cycle", "rfm", *(f"rule:{key}" for key in RULES)):
            standings = StandingStore(unit).of_scheme(scheme)
            found[scheme] = {
                names[who]: standing.segment for who, standing in sorted(standings.items()) if who in names
            }
    return found


def _told(shop: Shop) -> list[tuple[str, str, str, int]]:
    """(kind, scheme, segment, customers) of every fact about segments."""
    with shop.database.view(shop.scope) as unit:
        facts = [fact for fact in waiting_facts(unit, limit=1000) if fact.kind.startswith("segment.")]
    return [
        (fact.kind, fact.payload["scheme"], fact.payload["segment"], len(fact.payload["customers"])) for fact in facts
    ]


def test_everybody_stands_where_the_definitions_say(shop: Shop) -> None:
    """Stages by rhythm, fifths of the two who bought, and four rules."""
    evaluate_all(shop.database, shop.scope, now=NOW)

    found = _standing(shop)
    assert found["life_cycle"] == {"ann": "active", "bob": "lapsed", "cleo": "active", "dora": "prospect"}
    assert set(found["rfm"]) == {"ann", "bob"}
    assert {key: sorted(found[f"rule:{key}"]) for key in RULES} == {
        "often": ["ann"],
        "paying": ["cleo"],
        "going": ["bob", "dora"],
        "rest": ["cleo", "dora"],
    }


def test_the_same_moment_again_says_nothing_and_later_only_what_changed(shop: Shop) -> None:
    """Ann falls silent: she leaves one rule, enters another, and moves on in her life; nobody else is told of."""
    evaluate_all(shop.database, shop.scope, now=NOW)
    first = _told(shop)
    again = evaluate_all(shop.database, shop.scope, now=NOW)
    assert _told(shop) == first
    assert sum(each.entered + each.left for each in again) == 0

    later = evaluate_all(shop.database, shop.scope, now=NOW + 80 * DAY)

    moved = {each.scheme: (each.entered, each.left) for each in later if each.entered or each.left}
    assert moved["rule:often"] == (0, 1)
    assert moved["rule:going"] == (1, 0)
    assert moved["life_cycle"] == (1, 1)
    assert ("segment.left", "rule:often", "in", 1) in _told(shop)
    assert _standing(shop)["life_cycle"]["ann"] == "lapsed"


def test_what_is_found_in_bulk_is_what_is_said_of_one_with_the_reason(shop: Shop) -> None:
    """For every rule and every customer."""
    evaluate_all(shop.database, shop.scope, now=NOW)
    found = _standing(shop)

    with shop.database.view(shop.scope) as unit:
        for rule in RuleStore(unit).all():
            for key in KEYS:
                verdict = why(unit, rule, CustomerStore(unit).get(key), NOW)
                assert verdict.inside == (key in found[rule.scheme]), (rule.key, key)
                assert verdict.because
        out = why(unit, RuleStore(unit).get("often"), CustomerStore(unit).get("bob"), NOW)
    assert out.sentence == "Out: orders_90d is 0, which is not >= 3."


def test_a_changed_rule_is_asked_anew_and_a_deleted_one_empties_itself(shop: Shop) -> None:
    """The revision tells a change of meaning from a change of name."""
    evaluate_all(shop.database, shop.scope, now=NOW)
    with shop.database.unit(shop.scope) as unit:
        renamed, _ = RuleStore(unit).put("often", "Often", read_tree(RULES["often"]), NOW)
        changed, fresh = RuleStore(unit).put("often", "Often", read_tree(RULES["rest"]), NOW)
    assert (renamed.revision, changed.revision, fresh, changed.evaluated_at) == (1, 2, False, None)

    done = evaluate_rule(shop.database, shop.scope, "often", now=NOW + DAY)
    assert (done.standing, done.entered, done.left) == (2, 2, 1)
    with shop.database.unit(shop.scope) as unit:
        drop_rule(unit, "often", NOW + 2 * DAY)

    assert _standing(shop)["rule:often"] == {}
    with pytest.raises(RuleNotFoundError):
        evaluate_rule(shop.database, shop.scope, "often", now=NOW + 2 * DAY)


def test_the_routine_evaluates_once_a_day_and_a_fresh_rule_at_once(shop: Shop) -> None:
    """Nothing is read while nothing is due."""
    entered, _ = tend_segments(shop.database, shop.scope, now=NOW)
    assert entered > 0
    told = len(_told(shop))
    assert tend_segments(shop.database, shop.scope, now=NOW + timedelta(hours=23)) == (0, 0)
    assert len(_told(shop)) == told
    with shop.database.unit(shop.scope) as unit:
        RuleStore(unit).put("all", "All", read_tree({"not": {"consent": "nothing"}}), NOW)

    tend_segments(shop.database, shop.scope, now=NOW + timedelta(hours=23, minutes=1))

    with shop.database.view(shop.scope) as unit:
        assert StandingStore(unit).sizes()["rule:all"] == {"in": 4}


def test_who_was_erased_stands_nowhere(shop: Shop) -> None:
    """Also when the erasure comes between two evaluations."""
    evaluate_all(shop.database, shop.scope, now=NOW)
    with shop.database.unit(shop.scope) as unit:
        erase_customer(unit, "dora", now=NOW)

    evaluate_all(shop.database, shop.scope, now=NOW + DAY)

    with shop.database.view(shop.scope) as unit:
        assert StandingStore(unit).sizes()["rule:rest"] == {"in": 1}
        assert "prospect" not in StandingStore(unit).sizes()["life_cycle"]


def test_rules_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night has an end."""
    monkeypatch.setattr("features.segments.rules.store.MAX_RULES", len(RULES))

    with shop.database.unit(shop.scope) as unit, pytest.raises(TooManyRulesError):
        RuleStore(unit).put("more", "More", read_tree({"consent": "a"}), NOW)


def test_who_opted_out_of_profiling_stands_only_where_no_profile_is_asked_for(shop: Shop) -> None:
    """Nowhere in the schemes, in no rule over features, scores or segments, not even in a "not"; a rule over plans still holds."""
    evaluate_all(shop.database, shop.scope, now=NOW)
    with shop.database.unit(shop.scope) as unit:
        for key in KEYS:
            set_profiling(unit, key, allowed=False, now=NOW)
    assert _standing(shop)["rule:paying"] == {}  # removed with the rest, and found again by the next evaluation

    evaluate_all(shop.database, shop.scope, now=NOW + DAY)

    assert _standing(shop) == {
        "life_cycle": {},
        "rfm": {},
        "rule:often": {},
        "rule:paying": {"cleo": "in"},
        "rule:going": {},
        "rule:rest": {},
    }
    with shop.database.view(shop.scope) as unit:
        verdict = why(unit, RuleStore(unit).get("rest"), CustomerStore(unit).get("ann"), NOW)
    assert (verdict.inside, "opted out" in verdict.sentence) == (False, True)
