"""The offer policy as a document, both ways: what is told, stored and put. Reading refuses what it does not know, with the field's name.

    {"caps": {"person": {"most": 1, "window_hours": 168}, "tenant": null}, "quiet_hours": {"start": "21:00", "end": "08:00"},
     "killed": ["limit_near"], "consent": "", "explore": 0.1, ...}

A field that is left out has its default; a cap that is null is no cap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any, Final

from features.offers.policy import Cap, Caps, OfferPolicy, PolicyError, QuietHours

if TYPE_CHECKING:
    from collections.abc import Callable

_HOUR: Final = timedelta(hours=1)
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CAPS: Final = tuple(each.name for each in fields(Caps))


def write_policy(policy: OfferPolicy) -> dict[str, Any]:
    """The document of a policy, every field of it."""
    caps = {name: getattr(policy.caps, name) for name in _CAPS}
    return {
        "caps": {name: cap and {"most": cap.most, "window_hours": cap.window // _HOUR} for name, cap in caps.items()},
        "quiet_hours": policy.quiet and {"start": f"{policy.quiet.start:%H:%M}", "end": f"{policy.quiet.end:%H:%M}"},
        "first_days": policy.first_days,
        "killed": sorted(policy.killed),
        "consent": policy.consent,
        "buyers": sorted(policy.buyers),
        "holdout_per_ten_thousand": policy.holdout_per_ten_thousand,
        "holdout_salt": policy.holdout_salt,
        "annoyance_minor": policy.annoyance_minor,
        "margin_bps": policy.margin_bps,
        "explore": policy.explore,
        "limit_thresholds": list(policy.limit_thresholds),
        "save_coupons": list(policy.save_coupons),
        "save_pause_days": policy.save_pause_days,
        "save_smaller": policy.save_smaller,
    }


def read_policy(document: object) -> OfferPolicy:
    """A policy from its document. Raises PolicyError, which names the field.

    >>> read_policy({"first_days": 0, "caps": {"person": None}}).caps.person is None
    True
    """
    given = _object(document, "policy")
    _refuse_unknown(given, _READERS, "policy")
    values = {name: read(given[key], key) for key, (name, read) in _READERS.items() if key in given}
    return OfferPolicy(**values)


def _caps(value: object, field: str) -> Caps:
    given = _object(value, field)
    _refuse_unknown(given, _CAPS, field)
    return Caps(**{name: None if cap is None else _cap(cap, f"{field}.{name}") for name, cap in given.items()})


def _cap(value: object, field: str) -> Cap:
    given = _object(value, field)
    _refuse_unknown(given, ("most", "window_hours"), field)
    if "most" not in given:
        raise PolicyError(f"{field} needs `most`, how many showings it allows", field=field)
    hours = _whole(given.get("window_hours", 168), f"{field}.window_hours")
    most = _whole(given["most"], f"{field}.most")
    return Cap(most=most, window=_HOUR * min(max(hours, 0), 10**6))


def _quiet(value: object, field: str) -> QuietHours | None:
    if value is None:
        return None
    given = _object(value, field)
    _refuse_unknown(given, ("start", "end"), field)
    return QuietHours(start=_time(given.get("start"), f"{field}.start"), end=_time(given.get("end"), f"{field}.end"))


def _time(value: object, field: str) -> time:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise PolicyError(f"{field} is a local time such as 21:00", field=field, value=str(value)[:40])
    return time.fromisoformat(value)


def _whole(value: object, field: str) -> int:
    if type(value) is not int or abs(value) >= 2**53:
        raise PolicyError(f"{field} is a whole number", field=field, value=str(value)[:40])
    return value


def _whole_or_none(value: object, field: str) -> int | None:
    return None if value is None else _whole(value, field)


def _share(value: object, field: str) -> float:
    if type(value) not in {int, float} or not 0 <= value <= 1:  # type: ignore[operator]  # the type was looked at
        raise PolicyError(f"{field} is a number from 0 to 1", field=field, value=str(value)[:40])
    return float(value)  # type: ignore[arg-type]  # the type was looked at


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise PolicyError(f"{field} is a text", field=field)
    return value


def _names(value: object, field: str) -> frozenset[str]:
    return frozenset(_text(each, field) for each in _list(value, field))


def _numbers(value: object, field: str) -> tuple[int, ...]:
    return tuple(_whole(each, field) for each in _list(value, field))


def _texts(value: object, field: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(each, field) for each in _list(value, field)))


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"{field} is true or false", field=field)
    return value


def _list(value: object, field: str) -> list[object]:
    if not isinstance(value, list) or len(value) > 10_000:
        raise PolicyError(f"{field} is a list", field=field)
    return value


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PolicyError(f"{field} is an object", field=field)
    return value


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...], field: str) -> None:
    for name in given:
        if name not in known:
            raise PolicyError(
                f"{field} has no field {str(name)[:60]!r}; it has {', '.join(known)}", field=str(name)[:60]
            )


_READERS: Final[dict[str, tuple[str, Callable[[object, str], Any]]]] = {
    "caps": ("caps", _caps),
    "quiet_hours": ("quiet", _quiet),
    "first_days": ("first_days", _whole),
    "killed": ("killed", _names),
    "consent": ("consent", _text),
    "buyers": ("buyers", _names),
    "holdout_per_ten_thousand": ("holdout_per_ten_thousand", _whole_or_none),
    "holdout_salt": ("holdout_salt", _text),
    "annoyance_minor": ("annoyance_minor", _whole),
    "margin_bps": ("margin_bps", _whole),
    "explore": ("explore", _share),
    "limit_thresholds": ("limit_thresholds", _numbers),
    "save_coupons": ("save_coupons", _texts),
    "save_pause_days": ("save_pause_days", _whole),
    "save_smaller": ("save_smaller", _flag),
}
