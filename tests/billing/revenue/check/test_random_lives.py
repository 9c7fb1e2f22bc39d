"""After a random life, whatever was done in whatever order, no check of the books finds anything."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

from billing.revenue.check.books import check_books
from tests.billing import test_random_walk as walk


class CheckedLife(walk.Life):
    """A life whose books are checked at its end."""

    def teardown(self) -> None:
        """Nothing is found."""
        try:
            if hasattr(self, "shop"):
                with self.database.view(self.shop.scope) as unit:
                    assert check_books(unit) == []
        finally:
            super().teardown()


CheckedLife.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestCheckedLife = CheckedLife.TestCase
