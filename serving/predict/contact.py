"""What a contact is held against now: the business's policy, the installation's holdout, and the clock of each zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.contact.consent import Contact, quiet_zones
from features.contact.store import ContactStore
from features.offers.store import OfferPolicyStore
from features.segments.life_cycle import Stage
from features.segments.observe import LIFE_CYCLE, RFM
from features.segments.rfm import NAMES
from features.segments.rules.store import RuleStore
from features.segments.standing.store import INSIDE, StandingStore
from features.segments.store import SegmentStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit
    from features.offers.policy import OfferPolicy
    from serving.settings import Settings

RULE = "rule"
PLACES = {LIFE_CYCLE: tuple(stage.value for stage in Stage), RFM: NAMES}


def contact_now(
    unit: Unit, settings: Settings, *, purpose: str, channel: str, now: datetime, zones: Iterable[str] | None = None
) -> tuple[Contact, OfferPolicy]:
    """Contacting for a purpose on a channel, as of now, and the policy it follows. Raises ContactError.

    `zones` are those of the customers that will be asked about; without them, everybody's.
    """
    policy = OfferPolicyStore(unit).get()
    share = policy.holdout_per_ten_thousand
    asleep: frozenset[str] = frozenset()
    if policy.quiet is not None:
        asleep = quiet_zones(ContactStore(unit).zones() if zones is None else zones, now, policy.quiet)
    contact = Contact(
        purpose=purpose,
        channel=channel,
        quiet_zones=asleep,
        holdout_share=settings.holdout_per_ten_thousand if share is None else share,
        holdout_salt=policy.holdout_salt,
    )
    return contact, policy


def members_query(unit: Unit, key: str) -> Select[str]:
    """The customer ids of a cluster (`c1`), a rule (`rule:regulars`), a stage (`life_cycle:lapsed`) or an RFM class (`rfm:champions`)."""
    scheme, _, segment = key.partition(":")
    if scheme == RULE and segment:
        return StandingStore(unit).members_query(RuleStore(unit).get(segment).scheme, INSIDE)
    if segment in PLACES.get(scheme, ()):
        return StandingStore(unit).members_query(scheme, segment)
    store = SegmentStore(unit)
    return store.members_query(store.get(key).key)
