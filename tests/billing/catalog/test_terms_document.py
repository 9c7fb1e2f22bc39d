"""Terms as documents: whatever terms there are, their document reads back to them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.catalog.terms import Billing, PlanTerms, Proration, QuantityOf, parse_terms
from billing.catalog.terms_fields import TermsError
from tests.shop import fee

AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=10**6, places=2).map(lambda value: f"{value:f}")
RISING = st.lists(AMOUNTS, max_size=5, unique_by=Decimal).map(lambda found: sorted(found, key=Decimal))
FEES = AMOUNTS.map(lambda amount: [fee("Fee", amount)])
OFF = st.decimals(min_value=1, max_value=100, places=1).map(lambda value: {"percent_off": f"{value:f}"})


@st.composite
def _phases(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = draw(st.lists(OFF | FEES.map(lambda charges: {"charges": charges}), max_size=4))
    return [
        {"name": f"phase {place}", "periods": draw(st.integers(1, 1200)), **phase} for place, phase in enumerate(found)
    ]


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents that contradict nothing."""
    limits = sorted(draw(st.lists(AMOUNTS, min_size=2, max_size=2)), key=Decimal)
    document: dict[str, Any] = {
        "trial_days": draw(st.integers(0, 3660)),
        "phases": draw(_phases()),
        "minimum": limits[0],
        "maximum": limits[1],
        "thresholds": draw(RISING),
        "alerts": draw(RISING),
        "tax_class": draw(st.sampled_from(["standard", "food", "books"])),
        "tax_inclusive": draw(st.booleans()),
        "quantity": "seats",
        "min_seats": draw(st.integers(1, 50)),
        "max_seats": draw(st.none() | st.integers(50, 100)),
        "proration": draw(st.sampled_from([each.value for each in Proration])),
        "prices": draw(st.dictionaries(st.sampled_from(["USD", "JPY", "GBP"]), FEES, max_size=3)),
    }
    kept = draw(st.sets(st.sampled_from(sorted(document))))
    if not kept.isdisjoint({"min_seats", "max_seats"}):
        kept.add("quantity")
    return {name: document[name] for name in sorted(kept)}


@given(_documents())
def test_terms_read_back_from_their_document(document: dict[str, Any]) -> None:
    """Through JSON, as it is stored; and the document of what was read is its own document."""
    terms = parse_terms(document)
    said = terms.to_document()

    assert parse_terms(json.loads(json.dumps(said))) == terms
    assert parse_terms(said).to_document() == said


@given(_documents(), st.integers(0, 5000))
def test_every_period_is_in_one_phase_or_in_the_plan(document: dict[str, Any], number: int) -> None:
    """Phases follow one another, and after as many periods as they have the plan itself runs."""
    terms = parse_terms(document)
    ends = [sum(phase.periods for phase in terms.phases[: place + 1]) for place in range(len(terms.phases))]
    expected = next((phase for phase, end in zip(terms.phases, ends, strict=True) if number < end), None)

    assert terms.phase(number) == expected


@given(
    st.dictionaries(
        st.sampled_from(sorted(PlanTerms.__dataclass_fields__)),
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
        max_size=4,
    )
)
def test_nonsense_is_refused_by_the_field(document: dict[str, Any]) -> None:
    """Whatever is written is read exactly or refused; nothing else goes wrong."""
    field = ""
    try:
        terms = parse_terms(document)
    except TermsError as error:
        field = error.facts["field"].split(".")[0]
    else:
        assert isinstance(terms.billing, Billing)
        assert isinstance(terms.quantity, QuantityOf)
    assert not field or field in PlanTerms.__dataclass_fields__
