"""Nothing that is held of a customer is forgotten when they are to be."""

from __future__ import annotations

from features.privacy.holdings import HOLDINGS, Treatment
from tests.billing.db.every_table import metadata

BELONGS = {"usage_rollups"}


def test_every_table_about_customers_says_what_becomes_of_it() -> None:
    """Whoever adds a table with customers adds a line to `features.privacy.holdings`."""
    tables = {name for name, table in metadata().tables.items() if "customer_id" in table.columns}

    assert tables | {"customers"} == set(HOLDINGS)


def test_what_is_removed_or_blanked_has_somebody_who_does_it_and_what_is_kept_has_nobody() -> None:
    """A promise without a hand behind it is none; the customer's own row is blanked by the use case."""
    for table, holding in HOLDINGS.items():
        does = holding.forget is not None or table in BELONGS | {"customers"}
        assert does == (holding.treatment is not Treatment.KEPT), table
        assert holding.why
