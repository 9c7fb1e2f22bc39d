"""Which data led to an offer, and what is held of a customer for what: the answer a person is owed, in data and in plain sentences.

It is read from what was kept with the decision. Features are computed again as of the score that used them; prices and expectations of the
business about the customer's worth are its own and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from billing.kernel.clock import format_instant
from features.catalog import FEATURE_SETS, views_named
from features.contact.consent import OPTED_OUT
from features.decisions.decision import DecisionNotFoundError
from features.decisions.store import DecisionStore
from features.online import features_of
from features.privacy.purposes import KINDS
from features.scores.store import ScoreStore
from features.signals.store import SignalStore
from features.view import PersonalData
from serving.predict.customer_profile import profile_of
from serving.predict.explained import explained
from serving.predict.plain_words import price_source, said_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from features.decisions.decision import Decision
    from features.scores.store import Score
    from features.signals.record import Raised
    from features.view import View

MOST_SIGNALS: Final = 50
_TASKS: Final[Mapping[str, str]] = {"propensity": "propensity", "churn_risk": "churn", "uplift": "uplift"}
"""What a trace calls a learned number -> the task whose score it is."""
_SETS: Final[Mapping[str, str]] = {"propensity": "propensity", "churn": "churn", "uplift": "propensity"}


def transparency_of(unit: Unit, customer: Customer, decision_id: str | None, *, now: datetime) -> dict[str, Any]:
    """The document of one customer: about one decision, or about the latest that made an offer (or the latest at all)."""
    decision = _decision(unit, customer, decision_id)
    profile = profile_of(unit, customer, now=now)
    return {
        "customer": customer.key,
        "as_of": format_instant(now),
        "profiling": {
            "allowed": OPTED_OUT not in customer.consents,
            "change": f"PUT /v1/customers/{customer.key}/profiling",
        },
        "decision": None if decision is None else _told(unit, customer, decision),
        "profile": {name: profile[name] for name in ("segments", "standings", "scores")},
        "consents": [consent for consent in customer.consents if consent != OPTED_OUT],
        "held": [
            {
                "key": key,
                "what": kind.what,
                "purpose": kind.purpose,
                "is_profile": kind.is_profile,
                "on_erasure": kind.on_erasure,
            }
            for key, kind in KINDS.items()
        ],
    }


def _decision(unit: Unit, customer: Customer, decision_id: str | None) -> Decision | None:
    store = DecisionStore(unit)
    if decision_id is None:
        offers = store.page(limit=1, customer_id=customer.id, has_offer=True).items
        return next(iter(offers or store.page(limit=1, customer_id=customer.id).items), None)
    found = store.get(decision_id)
    if found.customer_id != customer.id:
        raise DecisionNotFoundError(f"there is no decision {decision_id[:60]!r}", decision=decision_id[:200])
    return found


def _told(unit: Unit, customer: Customer, decision: Decision) -> dict[str, Any]:
    signals = _signals(unit, decision)
    used = _scores(unit, decision)
    return {
        "id": decision.id,
        "placement": decision.placement,
        "decided_at": format_instant(decision.decided_at),
        "offered": decision.target,
        "kind": decision.target_kind,
        "message": decision.message,
        "reason": decision.reason,
        "rule": decision.rule,
        "price_source": price_source(decision.target_kind, decision.offer),
        "used_profile": bool(_asked(decision)),
        "signals": [_signal(raised) for raised in signals],
        "models": [_model(task, score) for task, score in used.items()],
        "features": _features(unit, customer.id, used),
        "experiments": [
            {"experiment": each["experiment"], "arm": each["arm"], "shown": not each.get("counterfactual")}
            for each in decision.experiments
        ],
        "sentences": _sentences(decision, signals, used),
    }


def _signals(unit: Unit, decision: Decision) -> list[Raised]:
    """Those kept by then that the decision saw: what it answered first."""
    seen = set(decision.trace.get("signals", ()))
    answers = decision.trace.get("answers") or {}
    found = SignalStore(unit).before(decision.customer_id, decision.decided_at, limit=MOST_SIGNALS)
    mine = [raised for raised in found if raised.trigger in seen]
    return sorted(
        mine, key=lambda each: (each.trigger, each.subject) != (answers.get("trigger"), answers.get("subject"))
    )


def _scores(unit: Unit, decision: Decision) -> dict[str, Score]:
    """The scores that the decision read, by task; one that was made anew since is not told of as if it were the one."""
    scores = ScoreStore(unit).of_customer(decision.customer_id)
    asked = sorted(_asked(decision) & scores.keys())
    return {task: scores[task] for task in asked if scores[task].as_of <= decision.decided_at}


def _asked(decision: Decision) -> set[str]:
    """The tasks whose models had a part in a decision."""
    if decision.trace.get("profiling") is False:
        return set()
    return {task for name, task in _TASKS.items() if decision.trace.get(name) is not None}


def _features(unit: Unit, customer_id: str, used: Mapping[str, Score]) -> list[dict[str, Any]]:
    """What those scores were made of, as of then, each with the kind of personal data it is."""
    names: dict[str, datetime] = {}
    for task, score in used.items():
        names.update(dict.fromkeys(FEATURE_SETS[_SETS[task]], score.as_of))
    found = []
    for as_of in sorted(set(names.values())):
        views = views_named(name for name, moment in names.items() if moment == as_of)
        values = features_of(unit, customer_id, now=as_of, views=views)
        found += [
            {
                "name": view.name,
                "description": view.description,
                "value": values[view.name],
                "as_of": format_instant(as_of),
                "personal_data": sorted(_kinds(view)),
            }
            for view in views
        ]
    return found


def _kinds(view: View) -> Iterable[str]:
    kinds = view.personal_data
    return [kinds.value] if isinstance(kinds, PersonalData) else [kind.value for kind in kinds]


def _signal(raised: Raised) -> dict[str, Any]:
    return {
        "trigger": raised.trigger,
        "subject": raised.subject,
        "at": format_instant(raised.at),
        "evidence": dict(raised.evidence),
        "sentence": said_of(raised.trigger, raised.subject, raised.evidence),
    }


def _model(task: str, score: Score) -> dict[str, Any]:
    return {
        "task": task,
        "version": score.version,
        "as_of": format_instant(score.as_of),
        "value": round(score.value, 4),
        "reasons": [each["text"] for each in score.document.get("reasons", ())],
    }


def _sentences(decision: Decision, signals: Iterable[Raised], used: Mapping[str, Score]) -> list[str]:
    sentences = explained(decision)[:1]
    sentences += [said_of(raised.trigger, raised.subject, raised.evidence) for raised in signals]
    price = price_source(decision.target_kind, decision.offer)
    sentences += [] if price is None else [price]
    for task, score in used.items():
        sentences.append(f"The model {task} (version {score.version}) was asked on {score.as_of:%Y-%m-%d}.")
    for task in sorted(_asked(decision) - used.keys()):
        sentences.append(f"The model {task} was asked; its answer of then was replaced or removed since.")
    if not _asked(decision):
        sentences.append("No model and no comparison with other customers had a part in it.")
    for each in decision.experiments:
        sentences.append(f"It was part of the experiment {each['experiment']!r}, in the group {each['arm']!r}.")
    return sentences
