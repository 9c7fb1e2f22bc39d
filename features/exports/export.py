"""The record of one export: its manifest, by which whoever holds the file can tell that it is whole and how it came to be. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from billing.kernel.clock import format_instant
from billing.kernel.errors import NotFoundError
from features.contact.consent import REASONS
from features.offers.document import write_policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from features.contact.consent import Contact
    from features.offers.policy import OfferPolicy


class ExportNotFoundError(NotFoundError):
    """No such export of this tenant."""

    code = "export_not_found"


class ExportGoneError(NotFoundError):
    """The file of an export is not kept any more; its manifest is."""

    code = "export_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export. `kept_until` is when its file is removed, None where it was never kept here (written elsewhere, or from before)."""

    id: str
    segment: str
    purpose: str
    channel: str
    file_format: str
    fields: tuple[str, ...]
    included: int
    excluded: Mapping[str, int]
    size_bytes: int
    sha256: str | None
    policy_sha256: str | None
    asked_by: str | None
    endpoint_id: str | None
    kept_until: datetime | None
    created_at: datetime

    def to_document(self) -> dict[str, Any]:
        """The manifest as JSON."""
        return {
            "id": self.id,
            "segment": self.segment,
            "purpose": self.purpose,
            "channel": self.channel,
            "format": self.file_format,
            "fields": list(self.fields),
            "included": self.included,
            "excluded": dict(self.excluded),
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "policy_sha256": self.policy_sha256,
            "asked_by": self.asked_by,
            "webhook": self.endpoint_id,
            "kept_until": None if self.kept_until is None else format_instant(self.kept_until),
            "created_at": format_instant(self.created_at),
        }


def policy_hash(contact: Contact, policy: OfferPolicy) -> str:
    """A SHA-256 (hex) over everything that decided who was in: equal hashes mean equal rules.

    Which zones were quiet is a matter of the moment and no part of it; the hours are.
    """
    document = {
        "purpose": contact.purpose,
        "channel": contact.channel,
        "holdout": [contact.holdout_share, contact.holdout_salt],
        "policy": write_policy(policy),
        "reasons": REASONS,
    }
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
