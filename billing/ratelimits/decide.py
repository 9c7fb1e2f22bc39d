"""Decides a call against all its limits at once: either every limit takes its cost, or none takes anything.

States are values; whoever keeps them (this process, a database, Redis) only has to hand over a consistent set and to keep the new one.
Time that goes backwards never drains a bucket nor starts a window anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.ratelimits.limit import Kind, Limit, Mode, Shape, checked_cost, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class State:
    """A bucket: its level in drops at an instant (of a quota: the units used since its window's start), and leases with their ends."""

    level: int = 0
    at: int = 0
    leases: tuple[tuple[str, int], ...] = ()


EMPTY = State()
MOST_LEVEL = 2**52


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit's part: `remaining` units afterwards; until `reset_us` it is as new; a refused call may come again in `retry_us`.

    `retry_us` is None where waiting never helps, and 0 where this limit would have admitted the call. `used_ppm` is the share used, in
    millionths, `used` the units of it. `exceeded` says that the call went, or would have gone, past the limit, whatever its mode made of
    that.
    """

    limit: Limit
    remaining: int
    reset_us: int
    retry_us: int | None
    wait_us: int
    exceeded: bool
    refused: bool
    used_ppm: int
    used: int


@dataclass(frozen=True, slots=True)
class Decision:
    """`allowed`, and if so after `wait_us`; `verdicts` in the order asked. `lease` names what may be settled or released later."""

    allowed: bool
    cost: int
    now: int
    verdicts: Sequence[Verdict]
    lease: str = ""
    source: str = "exact"

    @property
    def wait_us(self) -> int:
        """How long to wait before going on with an allowed call."""
        return max((each.wait_us for each in self.verdicts), default=0)

    @property
    def retry_us(self) -> int | None:
        """When a refused call may come again; None when no wait would help."""
        waits = [each.retry_us for each in self.verdicts if each.refused]
        known = [wait for wait in waits if wait is not None]
        return max(known, default=0) if len(known) == len(waits) else None

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of the limits that refused."""
        return tuple(each.limit.name for each in self.verdicts if each.refused)


def settled_state(state: State, limit: Limit, form: Shape, now: int) -> State:
    """The bucket as it stands at `now`: drained, in the present window, without leases that ran out."""
    leases = tuple(lease for lease in state.leases if lease[1] > now)
    if limit.kind is Kind.CONCURRENCY:
        return State(len(leases), now, leases)
    if limit.kind is Kind.QUOTA:
        start = limit.window(now)[0]
        return replace(state, leases=leases) if state.at >= start else State(0, start)
    gone = form.drain * max(0, now - state.at)
    return State(max(0, state.level - gone), max(state.at, now), leases)


def decide(
    states: Sequence[State], limits: Sequence[Limit], cost: int, now: int, *, lease: str = ""
) -> tuple[Decision, tuple[State, ...]]:
    """The decision and the states after it; of a refused call the states are those from before, brought to `now`.

    With `lease` (unique to the call) the cost can be settled, and calls in flight be released, until the lease runs out.
    """
    checked_cost(cost)
    distinct(limits)
    forms = [limit.form for limit in limits]
    present = tuple(settled_state(*each, now) for each in zip(states, limits, forms, strict=True))
    decision = judge(present, limits, cost, now, lease=lease)
    if not decision.allowed or cost == 0:
        return decision, present
    return decision, tuple(_taken(*each, cost, now, lease) for each in zip(present, limits, forms, strict=True))


def judge(
    present: Sequence[State], limits: Sequence[Limit], cost: int, now: int, *, lease: str = "", may_take: bool = True
) -> Decision:
    """The decision over states that are already brought to `now`; unless it `may_take`, the call is refused whatever they say."""
    forms = [limit.form for limit in limits]
    fits = [_fits(state, limit, form, cost, lease) for state, limit, form in zip(present, limits, forms, strict=True)]
    allowed = may_take and all(fits)
    verdicts = tuple(
        _verdict(state, limit, form, cost, now, lease, fit=fit, taken=allowed and cost > 0)
        for state, limit, form, fit in zip(present, limits, forms, fits, strict=True)
    )
    return Decision(allowed, cost, now, verdicts, lease if allowed and cost else "")


def _after(state: State, limit: Limit, form: Shape, cost: int, lease: str) -> int:
    if not cost or (limit.kind is Kind.CONCURRENCY and lease in dict(state.leases)):
        return state.level
    return state.level + limit.cost(cost) * form.unit


def _fits(state: State, limit: Limit, form: Shape, cost: int, lease: str) -> bool:
    after = _after(state, limit, form, cost, lease)
    return form.ceiling is None or after == state.level or after <= form.ceiling


def _taken(state: State, limit: Limit, form: Shape, cost: int, now: int, lease: str) -> State:  # noqa: PLR0917 (one call on one bucket)
    level = _after(state, limit, form, cost, lease)
    if limit.mode is Mode.SHADOW and level > form.capacity:
        return state
    leases = state.leases
    if lease:
        leases = (*(each for each in leases if each[0] != lease), (lease, now + limit.lease_us))
    return State(level, state.at, leases)


def _verdict(  # noqa: PLR0917 (one call on one bucket)
    state: State, limit: Limit, form: Shape, cost: int, now: int, lease: str, *, fit: bool, taken: bool
) -> Verdict:
    after = _after(state, limit, form, cost, lease)
    exceeded = after > form.capacity and after > state.level
    counted = taken and not (limit.mode is Mode.SHADOW and exceeded)
    level = after if counted else state.level
    over = after - form.capacity
    waits = counted and exceeded and limit.mode is Mode.THROTTLE
    return Verdict(
        limit=limit,
        remaining=max(0, form.capacity - level) // form.unit,
        reset_us=_reset(state, limit, form, level, now),
        retry_us=0 if fit else _retry(state, limit, form, after, now),
        wait_us=-(-over // form.drain) if waits and form.drain else 0,
        exceeded=exceeded,
        refused=not fit,
        used_ppm=1_000_000 if not form.capacity else level * 1_000_000 // form.capacity,
        used=-(-level // form.unit),
    )


def _reset(state: State, limit: Limit, form: Shape, level: int, now: int) -> int:
    if limit.kind is Kind.QUOTA:
        return max(0, limit.window(now)[1] - now)
    if limit.kind is Kind.CONCURRENCY:
        return max(0, max((end for _, end in state.leases), default=now) - now)
    return -(-level // form.drain) + (state.at - now) if form.drain and level else 0


def _retry(state: State, limit: Limit, form: Shape, after: int, now: int) -> int | None:
    taking = after - state.level
    if form.ceiling is None or taking > form.ceiling:
        return None
    if limit.kind is Kind.QUOTA:
        return max(0, limit.window(now)[1] - now)
    if limit.kind is Kind.CONCURRENCY:
        return max(0, min((end for _, end in state.leases), default=now) - now)
    return -(-(after - form.ceiling) // form.drain) + (state.at - now) if form.drain else None


def settle(
    states: Sequence[State],
    limits: Sequence[Limit],
    *,
    reserved: int,
    actual: int,
    now: int,
    lease: str,
    since: int = 0,
    resets: Sequence[int] = (),
) -> tuple[bool, tuple[State, ...]]:
    """Replace a reserved cost by the actual one and end the lease; whether anything was found to settle.

    What may have drained meanwhile is not given back, a quota of a past window is left alone, and a lease settles once. More than
    was reserved is taken in full, past the limit if need be: it was used. A call that is given back is known by the instant at which it
    was decided, `since`, and its `resets`; whoever gives it back without a lease sees to it that it does so once.
    """
    checked_cost(actual)
    done, found = [], False
    for place, (state, limit) in enumerate(zip(states, limits, strict=True)):
        present = settled_state(state, limit, limit.form, now)
        held = dict(present.leases)
        if (lease not in held) if lease else (limit.kind is Kind.CONCURRENCY or _is_past(limit, since, now)):
            done.append(present)
            continue
        found = True
        leases = tuple(each for each in present.leases if each[0] != lease)
        if since:
            change = _given_back(limit, reserved, actual, resets[place] - 1 - (now - since))
        else:
            change = _change(limit, reserved, actual, now - (held[lease] - limit.lease_us))
        done.append(State(min(MOST_LEVEL, max(0, present.level + change)), present.at, leases))
    return found, tuple(done)


def _is_past(limit: Limit, since: int, now: int) -> bool:
    return limit.kind is Kind.QUOTA and since < limit.window(now)[0]


def change_by(limit: Limit, reserved: int, actual: int) -> int:
    """By how many drops a level changes when a reserved cost turns out to be the actual one, before anything drained."""
    if limit.kind is Kind.CONCURRENCY:
        return -1
    used = 0 if actual == 0 else limit.cost(actual)
    return (used - limit.cost(reserved)) * limit.form.unit


def _change(limit: Limit, reserved: int, actual: int, elapsed: int) -> int:
    change = change_by(limit, reserved, actual)
    if change >= 0 or limit.kind is Kind.CONCURRENCY:
        return change
    return min(0, change + limit.form.drain * max(0, elapsed))


def _given_back(limit: Limit, reserved: int, actual: int, left_us: int) -> int:
    """The change of a call whose bucket, had nobody else come, would be empty in `left_us`: of its cost no more than that can be left."""
    change = change_by(limit, reserved, actual)
    if change >= 0 or limit.kind is Kind.CONCURRENCY or not limit.form.drain:
        return change
    return max(change, -limit.form.drain * max(0, left_us))


def by_name(decision: Decision) -> Mapping[str, Verdict]:
    """A decision's verdicts by the name of the limit."""
    return {each.limit.name: each for each in decision.verdicts}
