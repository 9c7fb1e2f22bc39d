"""Who never sees an offer, so that what offers earn can be measured: a fixed share of customers, chosen by a salted hash.

Membership depends on the tenant, the customer and the salt alone, so it never changes by asking again.
"""

from __future__ import annotations

import hashlib

BUCKETS = 10_000
DEFAULT_SHARE_PER_TEN_THOUSAND = 500


def bucket(*parts: str) -> int:
    """A number from 0 to 9,999, uniform over its inputs.

    >>> 0 <= bucket("ten_1", "cus_1", "holdout") < 10_000
    True
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def is_held_out(
    tenant_id: str, customer: str, *, share: int = DEFAULT_SHARE_PER_TEN_THOUSAND, salt: str = "holdout-1"
) -> bool:
    """Whether this customer belongs to the holdout; `share` is out of ten thousand (500 is 5 %)."""
    return bucket(tenant_id, customer, salt) < share
