"""Setting units aside, using them, letting them go, and clearing away what was forgotten.

Everything that counts units of one customer's feature waits in line at one row, so what is read under that lock is what holds until the
unit of work ends. The usage that a commit writes has ids made of the hold's own, so that it counts once whatever is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.check import period_of, usage
from billing.entitlements.grant import effective
from billing.entitlements.holds.hold import (
    MOST_EVENTS,
    Hold,
    HoldError,
    HoldState,
    HoldStateError,
    LimitReachedError,
    NotGrantedError,
    Overdraw,
    OverdueError,
    Room,
    checked,
    needs_room,
)
from billing.entitlements.holds.store import HoldStore
from billing.entitlements.store import GrantStore
from billing.kernel.clock import format_instant
from billing.kernel.ids import new_id
from billing.kernel.money import format_quantity
from billing.metering.ingest import ingest
from billing.metering.reading import passes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from billing.catalog.item import Feature, Meter
    from billing.db.session import Unit
    from billing.kernel.period import Period

BATCH = 500
REMEMBERED = timedelta(days=90)
SOURCE = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """Set `quantity` units of a customer's feature aside for `life`; `key` is the asker's own name for it."""

    customer: str
    feature: str
    quantity: Decimal
    key: str
    life: timedelta
    overdraw: Overdraw = Overdraw.REFUSE


def reserve(
    unit: Unit,
    request: HoldRequest,
    *,
    now: datetime,
    overdue: Callable[[Collection[str]], Collection[str]] | None = None,
) -> Hold:
    """Set units aside. The same request under the same key again answers the hold it made, however that ended.

    `overdue` tells which of some customers have not paid for longer than their grace. Raises LimitReachedError where there is no room,
    NotGrantedError, HoldError for a feature that cannot be held, HoldStateError for a key of something else, OverdueError.
    """
    checked(request.quantity, request.life)
    customer, feature = CustomerStore(unit).get(request.customer), CatalogStore(unit).feature(request.feature)
    hold = Hold(
        id=new_id("hld"),
        key=request.key,
        customer_id=customer.id,
        feature=feature.key,
        meter=_meter(unit, feature, request.quantity).key,
        quantity=request.quantity,
        overdraw=request.overdraw,
        state=HoldState.OPEN,
        held_at=now,
        expires_at=now + request.life,
    )
    store = HoldStore(unit)
    store.lock(customer.id, hold.meter)
    known = store.by_key(request.key)
    if known is not None:
        return _same(known, hold).seen(now)
    if overdue is not None and customer.id in overdue({customer.id}):
        raise OverdueError("an invoice is unpaid for longer than its grace; it is paid first", customer=customer.key)
    _forget(unit, hold, now)
    room, period = room_of(unit, customer.id, feature, now)
    if not room.has(request.quantity):
        raise _full(room, period)
    if not store.add(hold):  # another customer's hold took the key meanwhile
        raise _taken(request.key)
    return hold


def commit(
    unit: Unit, hold_id: str, *, now: datetime, quantity: Decimal | None = None, data: Mapping[str, Any] | None = None
) -> Hold:
    """Turn a hold into usage: all of it, less, or more where its policy says so. Again, with the same quantity, it changes nothing.

    `data` has the values that the meter filters and groups by. Raises HoldStateError for one that was released, or committed with another
    quantity, LimitReachedError where what was not held, or is held no more, finds no room.
    """
    hold = _take(unit, hold_id)
    wanted = hold.quantity if quantity is None else quantity
    if hold.state is HoldState.COMMITTED and hold.used == wanted:
        return hold
    if hold.state in {HoldState.COMMITTED, HoldState.RELEASED}:
        raise HoldStateError(f"the hold was {hold.state.value} already", hold=hold.id, state=hold.state.value)
    if not wanted.is_finite() or wanted < 0:
        raise HoldError("what is used is not below nothing", quantity=str(wanted))
    meter = CatalogStore(unit).meter(hold.meter)
    _check_units(meter, wanted)
    if needs_room(hold, wanted, now):
        _forget(unit, hold, now)
        feature = CatalogStore(unit).feature(hold.feature)
        room, period = room_of(unit, hold.customer_id, feature, now, beside=hold)
        if not room.has(wanted):
            raise _full(room, period)
    done = hold.committed(wanted, now)
    if wanted:
        _write(unit, done, meter, dict(data or {}), now)
    HoldStore(unit).save(done)
    return done


def release(unit: Unit, hold_id: str, *, now: datetime) -> Hold:
    """Let the units of a hold go. Again, and for one that has expired, it changes nothing."""
    hold = _take(unit, hold_id).seen(now)
    if hold.state is HoldState.COMMITTED:
        raise HoldStateError("the hold was committed already; amend its usage instead", hold=hold.id)
    if hold.state is not HoldState.OPEN:
        return hold
    done = hold.released(now)
    HoldStore(unit).save(done)
    return done


def expire(unit: Unit, *, now: datetime, limit: int = BATCH) -> int:
    """Write down which holds were forgotten; how many. They counted no more since they ran out, whether or not this ran."""
    store = HoldStore(unit)
    found = store.forgotten(now, limit=limit)
    for hold in found:
        store.save(hold.expired())
    return len(found)


def clear(unit: Unit, *, now: datetime, limit: int = BATCH) -> int:
    """Delete what ended longer ago than a key is remembered; how many."""
    return HoldStore(unit).clear(now - REMEMBERED, limit=limit)


def held(
    unit: Unit, customer_ids: Collection[str], features: Collection[str], now: datetime
) -> dict[tuple[str, str], Decimal]:
    """Units set aside of some customers' features, by customer id and feature key; nothing for those without any.

    Features that read one meter share what is held of it.
    """
    meters = {key: feature.meter_key for key, feature in CatalogStore(unit).features_of(features).items()}
    if not any(meters.values()):
        return {}
    sums = HoldStore(unit).held(customer_ids, {meter for meter in meters.values() if meter is not None}, now)
    return {
        (customer, feature): quantity
        for feature, meter in meters.items()
        for (customer, counted), quantity in sums.items()
        if counted == meter
    }


def room_of(
    unit: Unit, customer_id: str, feature: Feature, now: datetime, *, beside: Hold | None = None
) -> tuple[Room, Period | None]:
    """What a customer has left of a feature, with the period it counts in; `beside` is a hold that is not counted.

    Exact until the unit of work ends for whoever locked the customer's units of the meter. Raises NotGrantedError without a right.
    """
    granted = [grant for grant in GrantStore(unit).of_customer(customer_id, now) if grant.feature == feature.key]
    right = effective(granted, now)
    if right is None or right.value is False:
        raise NotGrantedError(f"the customer has no {feature.key!r}; what gives it comes first", feature=feature.key)
    period = period_of(right, now)
    beyond = feature.terms.most_beyond
    limit = None if right.units is None or beyond is None else right.units + beyond if beyond else right.units
    used = usage(unit, customer_id, feature, period)
    meters = [] if feature.meter_key is None else [feature.meter_key]
    aside = sum(HoldStore(unit).held([customer_id], meters, now).values(), Decimal(0))
    if beside is not None and beside.is_open(now):
        aside -= beside.quantity
    return Room(limit, used, aside), period


def _take(unit: Unit, hold_id: str) -> Hold:
    """A hold as it is while nobody else counts units of its customer and meter."""
    store = HoldStore(unit)
    found = store.get(hold_id)
    store.lock(found.customer_id, found.meter)
    return store.take(found.id)


def _forget(unit: Unit, hold: Hold, now: datetime) -> None:
    """Write down which holds beside this one ran out before their room is given away.

    Who reads an earlier time off their clock then sees that they ran out too, and does not use units that another has.
    """
    store = HoldStore(unit)
    for each in store.forgotten_of(hold.customer_id, hold.meter, now):
        store.save(each.expired())


def _same(known: Hold, hold: Hold) -> Hold:
    if not known.asks_the_same(hold):
        raise _taken(hold.key)
    return known


def _taken(key: str) -> HoldStateError:
    return HoldStateError("this key was used for another hold; take a new one", key=key)


def _meter(unit: Unit, feature: Feature, quantity: Decimal) -> Meter:
    if feature.meter_key is None:
        raise HoldError(f"{feature.key!r} has no meter, so there is nothing to hold", feature=feature.key)
    meter = CatalogStore(unit).meter(feature.meter_key)
    _check_units(meter, quantity)
    return meter


def _check_units(meter: Meter, quantity: Decimal) -> None:
    if meter.aggregation not in {Aggregation.COUNT, Aggregation.SUM}:
        raise HoldError(
            f"units of a meter that takes the {meter.aggregation.value} do not add up and cannot be held",
            meter=meter.key,
        )
    if meter.aggregation is Aggregation.COUNT and (quantity != quantity.to_integral_value() or quantity > MOST_EVENTS):
        raise HoldError(f"events are counted whole, at most {MOST_EVENTS} at once", quantity=str(quantity))


def _write(unit: Unit, hold: Hold, meter: Meter, data: dict[str, Any], now: datetime) -> None:
    """The usage of a committed hold: an event a unit where events are counted, one with the quantity where values are summed."""
    quantity = hold.used or Decimal(0)
    count = int(quantity) if meter.aggregation is Aggregation.COUNT else 1
    if meter.aggregation is Aggregation.SUM and meter.prop is not None:
        data[meter.prop] = format_quantity(quantity)
    if not passes(meter, data):
        raise HoldError(
            f"the meter {meter.key!r} would not count this; give the values it filters by in `data`",
            filters={name: list(values) for name, values in meter.filters.items()},
        )
    customer = CustomerStore(unit).by_ids([hold.customer_id])[hold.customer_id]
    receipt = ingest(
        unit,
        [
            {
                "id": f"{hold.id}:{number}",
                "source": SOURCE,
                "type": meter.event_type,
                "customer": customer.key,
                "time": format_instant(now),
                "data": data,
            }
            for number in range(count)
        ],
        now=now,
    )
    if receipt.rejected:
        raise HoldError(receipt.rejected[0].detail, hold=hold.id)
    if receipt.accepted != count:
        raise HoldStateError("usage with this hold's ids was sent by somebody else; amend that", hold=hold.id)


def _full(room: Room, period: Period | None) -> LimitReachedError:
    left = Decimal(0) if room.left is None else room.left
    return LimitReachedError(
        f"{format_quantity(left)} of {room.limit} are left ({format_quantity(room.used)} used, {format_quantity(room.held)} held): "
        "ask for less, release what is not needed, wait for `resets_at`, or raise the limit",
        limit=room.limit if room.limit is None or isinstance(room.limit, int) else format_quantity(room.limit),
        used=format_quantity(room.used),
        held=format_quantity(room.held),
        remaining=format_quantity(left),
        resets_at=None if period is None else format_instant(period.end),
    )
