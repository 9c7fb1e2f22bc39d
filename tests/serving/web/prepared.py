"""A small shop made ready for its pages: catalogue, orders, subscriptions, usage, bills, scores, segments and fitted models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.db.session import Database, Unit
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.metering.ingest import ingest
from billing.payments.record import record_payment
from billing.purchases.store import PurchaseStore
from billing.subscriptions.subscribe import subscribe
from billing.tenants.create import Opened, add_key, open_tenant
from billing.tenants.keys import KeyKind
from billing.tenants.tenant import Mode
from features.offers.change import put_policy
from features.offers.policy import OfferPolicy
from features.scores.store import Score, ScoreStore
from features.segments.store import Segment, SegmentStore
from models.bundles.affinity import fit_affinity
from models.bundles.snapshot import BundleSnapshot
from models.card import ModelCard
from models.metrics.interval import Interval
from models.recommender.fit import FitConfig, fit_recommender
from models.recommender.interactions import Interactions
from models.registry.folder import FolderRegistry
from serving.settings import Settings
from tests.shop import START, publish_catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NEAR_THE_LIMIT = {
    "ann": "Ann Lee",
    "dora": "Dora Klein",
    "eve": "Eve Moreau",
    "finn": "Finn Olsen",
    "gwen": "Gwen Ito",
    "hugo": "Hugo Brandt",
    "ida": "Ida Roth",
}
NOW = START + timedelta(days=10)
HOSTILE = '<script>alert("hello")</script>'
PRODUCTS = (
    ("espresso", "Espresso beans, 1 kg", "Coffee", 1890),
    ("filter", "Filter roast, 500 g", "Coffee", 1150),
    ("decaf", "Decaf, 500 g", "Coffee", 1250),
    ("grinder", "Hand grinder", "Tools", 4900),
    ("scale", "Brewing scale", "Tools", 3450),
    ("kettle", "Gooseneck kettle", "Tools", 5900),
    ("papers", "Filter papers, 100", "Supplies", 450),
    ("cup", "Stoneware cup", "Table", 1400),
    ("pot", "Teapot, 1 l", "Table", 3200),
    ("assam", "Assam leaf tea, 250 g", "Tea", 890),
    ("sencha", "Sencha, 100 g", "Tea", 1190),
    ("tin", "Red storage tin", "Table", 990),
)
_TASTES = (
    ("espresso", "grinder", "cup", "decaf"),
    ("filter", "papers", "kettle", "scale"),
    ("assam", "sencha", "pot", "tin"),
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A home folder that `serving.wiring.build` can serve, and the keys of its tenant."""

    settings: Settings
    opened: Opened
    publishable_key: str

    @property
    def scope(self) -> Scope:
        """The scope of the shop's rows."""
        return Scope(self.opened.tenant.id)


def prepare(home: Path, *, origins: Sequence[str] = ("http://testserver",), with_models: bool = False) -> Ready:
    """The shop in a fresh home; nobody is held out, so that what is shown does not hang on a hash."""
    settings = Settings(home=home, holdout_per_ten_thousand=0, mlflow_uri="off")
    home.mkdir(parents=True, exist_ok=True)
    upgrade(settings.resolved_database_url)
    database = Database(settings.resolved_database_url)
    opened = open_tenant(
        database, name="Bean Street", currency="EUR", zone="Europe/Berlin", mode=Mode.TEST, now=START, frozen_at=NOW
    )
    ready = Ready(settings, opened, _fill(database, Scope(opened.tenant.id), origins))
    if with_models:
        _fit(database, ready)
    database.close()
    document = {
        "tenant_id": opened.tenant.id,
        "secret_key": opened.secret_key,
        "publishable_key": ready.publishable_key,
    }
    (home / "demo.json").write_text(json.dumps(document), encoding="utf-8")
    return ready


def _fill(database: Database, scope: Scope, origins: Sequence[str]) -> str:
    """Ann and three more have used their limit up, Bob is on Plus, Mallory has a hostile name, and thirty more have tastes."""
    with database.unit(scope) as unit:
        publishable = add_key(unit, KeyKind.PUBLISHABLE, now=START, origins=origins)
        publish_catalogue(unit)
        put_policy(unit, OfferPolicy(explore=0.0), now=START)  # so that what is shown hangs on no draw
        named = {**NEAR_THE_LIMIT, "bob": "Bob Ferro", "mallory": HOSTILE}
        for key, name in named.items():
            CustomerStore(unit).add(
                Customer(id=new_id("cus"), key=key, name=name, country="DE", consents=("marketing",), created_at=START)
            )
        ids = CustomerStore(unit).ensure([*named, *(f"guest-{n:02}" for n in range(30))], START)
        ProductStore(unit).put(
            Product(
                key=key,
                name=name,
                category=category,
                price=Money(minor, "EUR"),
                cost=Money(minor // 2, "EUR"),
                buyable=True,
                added_at=START - timedelta(days=200),
            )
            for key, name, category, minor in PRODUCTS
        )
        _buy(unit, ids)
        for key in NEAR_THE_LIMIT:
            subscribe(unit, key, "starter", now=START)
        subscribe(unit, "bob", "plus", now=START)
    run_billing(database, scope, now=START)
    with database.unit(scope) as unit:
        documents = [
            {"id": f"{key}-{n}", "type": "delivery", "customer": key, "time": (START + timedelta(days=n)).isoformat()}
            for key in NEAR_THE_LIMIT
            for n in range(1, 4)
        ]
        assert ingest(unit, documents, now=NOW).accepted == len(documents)
        first = InvoiceStore(unit).page(limit=1, customer_id=ids["ann"]).items[0]
        record_payment(unit, first.id, reference="transfer-1", now=START + timedelta(days=2))
        _learned(unit, ids)
    return publishable


def _buy(unit: Unit, ids: dict[str, str]) -> None:
    prices = {key: minor for key, _, _, minor in PRODUCTS}
    rng, rows = np.random.default_rng(7), []
    for number, (key, customer_id) in enumerate(sorted(ids.items())):
        is_new = key in NEAR_THE_LIMIT
        taste = _TASTES[number % 3]
        for order in range(2 if is_new else 5):
            at = START - timedelta(days=int(rng.integers(2, 150)), hours=order)
            chosen = ["espresso"] if is_new else rng.choice(taste, size=2, replace=False).tolist()
            rows += [
                {
                    "key": f"{key}-{order}-{item}",
                    "customer_id": customer_id,
                    "item": item,
                    "basket": f"{key}-{order}",
                    "at": at,
                    "received_at": at,
                    "quantity": 1,
                    "amount_minor": prices[item],
                    "currency": "EUR",
                }
                for item in chosen
            ]
    PurchaseStore(unit).insert(rows)


def _learned(unit: Unit, ids: dict[str, str]) -> None:
    rng = np.random.default_rng(3)
    reasons = [{"text": "no order for 61 days", "direction": "raises", "weight": 0.61}]
    document = {"rung": "logistic regression", "horizon_days": 60, "reasons": reasons}
    for task in ("churn", "propensity"):
        scores = [
            Score(customer_id=customer_id, version="v0001", as_of=NOW, value=float(rng.beta(2, 5)), document=document)
            for customer_id in ids.values()
        ]
        ScoreStore(unit).replace(task, scores)
    bought = {"currency": "EUR", "amount_minor": 15600, "interval": [4200, 30100], "horizon_days": 365, "rung": "rate"}
    moved = {key: 0.06 if key in NEAR_THE_LIMIT else -0.02 for key in ids}
    for task, value_of, told in (
        ("value", dict.fromkeys(ids, 0.0156), bought),
        ("uplift", moved, {"rung": "mean effect", "horizon_days": 30}),
    ):
        scores = [
            Score(customer_id=customer_id, version="v0001", as_of=NOW, value=value_of[key], document=told)
            for key, customer_id in ids.items()
        ]
        ScoreStore(unit).replace(task, scores)
    segments = [
        Segment(key=key, name=name, version="v0001", as_of=NOW, profile={})
        for key, name in (
            ("s1", "Frequent big spenders"),
            ("s2", "Lapsed occasional buyers"),
            ("s3", "Typical customers"),
        )
    ]
    members = {customer_id: f"s{1 + number % 3}" for number, customer_id in enumerate(ids.values())}
    SegmentStore(unit).replace(segments, members)


def _fit(database: Database, ready: Ready) -> None:
    """Real models, fitted on the orders, in the registry that serving reads."""
    with database.view(ready.scope) as unit:
        lines = list(PurchaseStore(unit).lines_before(NOW))
    at_us = [_microseconds(line[3]) for line in lines]
    taken = Interactions.from_columns(
        [line[0] for line in lines], [line[1] for line in lines], at_us, [line[2] for line in lines]
    )
    now_us = _microseconds(NOW)
    snapshot, _ = fit_recommender(
        taken, as_of_us=now_us, rng=np.random.default_rng(0), config=FitConfig(horizon_days=20, k=5)
    )
    bundles = BundleSnapshot.of(fit_affinity(taken, now_us), taken.items, now_us)
    registry = FolderRegistry(ready.settings.home / "models")
    for task, model in (("recommender", snapshot), ("bundles", bundles)):
        folder = ready.settings.home / "staging" / task
        model.save(folder)
        version = registry.publish(ready.scope.tenant_id, task, folder, _card(ready, task, len(lines)))
        registry.promote(ready.scope.tenant_id, task, version, "better than the best baseline", NOW)


def _card(ready: Ready, task: str, rows: int) -> ModelCard:
    checks = [{"name": "baseline: popular", "passed": True, "explanation": "better than what is popular"}]
    return ModelCard(
        tenant=ready.scope.tenant_id,
        task=task,
        as_of=NOW,
        window_start=START - timedelta(days=150),
        window_end=START,
        data_hash="0" * 16,
        rows=rows,
        features=("customer", "item"),
        metrics={"recall at 20": Interval(0.31, 0.27, 0.35)},
        baselines={"popular": Interval(0.22, 0.19, 0.25)},
        limits=("Judged on items that were new to the customer.",),
        gate={"promote": True, "reason": "Promoted: better than what is popular.", "checks": checks},
    )


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
