"""The script that decides calls inside Redis, by Redis's clock, and the two codecs around it.

It is the twin of `billing.ratelimits.decide`: the script takes or refuses, and hands back each bucket as it stood, from which the
same pure function as everywhere makes the decision's words. Numbers stay below 2**53, where Lua's are whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING, Any, overload

from billing.ratelimits.call import Call, whose
from billing.ratelimits.decide import MOST_LEVEL, Decision, State, Verdict, change_by, judge
from billing.ratelimits.lifetime import GRACE_US
from billing.ratelimits.limit import MARK_LENGTH, Kind, Limit, Mode

if TYPE_CHECKING:
    from billing.ratelimits.call import Settlement

_KINDS = {Kind.RATE: 0, Kind.QUOTA: 1, Kind.CONCURRENCY: 2}
_LENGTHS = {Kind.RATE: 2, Kind.QUOTA: 2, Kind.CONCURRENCY: 5}
"""How many numbers the script says of a bucket."""

SOURCE = f"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local most, grace = {MOST_LEVEL}, {GRACE_US}
local out, place = {{string.format('%.0f', now)}}, 0

local function say(number) out[#out + 1] = string.format('%.0f', number) end

local function window(windows)
  local at = 1
  while at < #windows - 1 and windows[at + 1] <= now do at = at + 1 end
  return windows[at], windows[at + 1]
end

local function load(key, ask)
  local kind, drain = ask[1], ask[3]
  if kind == 2 then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
    return redis.call('ZCARD', key), now
  end
  local level, at = 0, 0
  local kept = redis.call('GET', key)
  if kept then
    local gap = string.find(kept, ' ', 1, true)
    level, at = tonumber(string.sub(kept, 1, gap - 1)), tonumber(string.sub(kept, gap + 1))
  end
  if kind == 1 then
    local start = window(ask[8])
    if at < start then
      if kept then redis.call('DEL', key .. ':l') end
      return 0, start
    end
    return level, at
  end
  return math.max(0, level - drain * math.max(0, now - at)), math.max(at, now)
end

local function keep(key, ask, level, at)
  local stays
  if ask[1] == 1 then
    local _, ends = window(ask[8])
    stays = ends - now + grace
  elseif ask[3] == 0 then
    stays = grace
  else
    stays = level / ask[3] + at - now
  end
  local life = string.format('%.0f', math.max(1, math.ceil(math.max(stays, ask[9]) / 1000)))
  redis.call('SET', key, string.format('%.0f %.0f', level, at), 'PX', life)
end

local function lend(key, lease, life)
  local set = key
  redis.call('ZREMRANGEBYSCORE', set, '-inf', string.format('%.0f', now))
  redis.call('ZADD', set, string.format('%.0f', now + life), lease)
  local most_left = tonumber(redis.call('ZRANGE', set, -1, -1, 'WITHSCORES')[2])
  redis.call('PEXPIREAT', set, string.format('%.0f', math.ceil(most_left / 1000)))
end

local function decide(lease, cost, asks)
  local levels, ats, afters, allowed = {{}}, {{}}, {{}}, true
  local first = place
  for i, ask in ipairs(asks) do
    local key = KEYS[first + i]
    local level, at = load(key, ask)
    local after = level + ask[2]
    if ask[1] == 2 and lease ~= '' and redis.call('ZSCORE', key, lease) then after = level end
    if ask[5] >= 0 and after ~= level and after > ask[5] then allowed = false end
    levels[i], ats[i], afters[i] = level, at, after
  end
  place = first + #asks
  out[#out + 1] = allowed and '1' or '0'
  for i, ask in ipairs(asks) do
    local key = KEYS[first + i]
    say(levels[i])
    say(ats[i])
    if ask[1] == 2 then
      local soon = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or now
      local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or now
      say(tonumber(soon))
      say(tonumber(last))
      say(afters[i] == levels[i] and 1 or 0)
    end
  end
  if not allowed or cost == 0 then return end
  for i, ask in ipairs(asks) do
    local key = KEYS[first + i]
    if not (ask[6] == 1 and afters[i] > ask[4]) then
      if ask[1] == 2 then
        lend(key, lease, ask[7])
      else
        local life = 0
        if lease ~= '' then
          lend(key .. ':l', lease, ask[7])
          life = ask[7]
        end
        ask[9] = life
        keep(key, ask, afters[i], ats[i])
      end
    end
  end
end

local function settle(lease, since, resets, asks)
  local found = 0
  for i, ask in ipairs(asks) do
    local key = KEYS[place + i]
    local level, at = load(key, ask)
    local set = ask[1] == 2 and key or key .. ':l'
    local ends = 0
    if lease ~= '' then
      ends = tonumber(redis.call('ZSCORE', set, lease) or 0)
    elseif ask[1] == 0 or ask[1] == 1 and since >= window(ask[8]) then
      ends = now + 1
    end
    if ends > now then
      found = now
      if lease ~= '' then redis.call('ZREM', set, lease) end
      if ask[1] ~= 2 then
        local change = ask[2]
        if change < 0 and since > 0 then
          if ask[3] > 0 then change = math.max(change, -ask[3] * math.max(0, resets[i] - 1 - (now - since))) end
        elseif change < 0 then
          change = math.min(0, change + ask[3] * math.max(0, now - (ends - ask[7])))
        end
        ask[9] = ask[7]
        keep(key, ask, math.min(most, math.max(0, level + change)), at)
      end
    end
  end
  place = place + #asks
  say(found)
end

local forms = cjson.decode(ARGV[1])
for _, call in ipairs(cjson.decode(ARGV[2])) do
  if type(call) == 'number' then
    decide('', forms[call][1], forms[call][2])
  elseif #call == 2 then
    decide(call[2], forms[call[1]][1], forms[call[1]][2])
  else
    settle(call[2], call[3], call[4], forms[call[1]][2])
  end
end
return table.concat(out, ' ')
"""
DIGEST = sha1(SOURCE.encode(), usedforsecurity=False).hexdigest()
PREFIX = "uptier:rl"


_FORMS_KNOWN = 4096
_BY_DIGEST = b"$7\r\nEVALSHA\r\n$40\r\n" + DIGEST.encode()
_IN_FULL = b"$4\r\nEVAL\r\n$%d\r\n%s" % (len(SOURCE), SOURCE.encode())


class _Form:
    """What is the same for every call under the same limits: the ends of its keys, and by cost what the script is told."""

    __slots__ = ("by_cost", "ends", "is_plain", "limits")

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self.limits = limits
        self.ends = tuple([f".{limit.mark}\r\n".encode() for limit in limits])
        self.is_plain = all(limit.kind is not Kind.CONCURRENCY for limit in limits)
        self.by_cost: dict[int, str] = {}

    def told(self, cost: int) -> str:
        """The cost, and what the script asks of each bucket for it."""
        found = self.by_cost.get(cost)
        if found is None:
            asks = [_ask(each, each.cost(cost) * each.form.unit if cost else 0) for each in self.limits]
            found = json.dumps([cost, asks], separators=(",", ":"))
            if len(self.by_cost) < _FORMS_KNOWN:
                self.by_cost[cost] = found
        return found


_forms: dict[int, _Form] = {}


def _form(limits: tuple[Limit, ...]) -> _Form:
    """The form of this very tuple: it is kept with the form, so no other can have its identity."""
    form = _forms.get(id(limits))
    if form is None:
        if len(_forms) >= _FORMS_KNOWN:
            _forms.clear()
        form = _forms[id(limits)] = _Form(limits)
    return form


@lru_cache(maxsize=65_536)
def _key_start(tenant: str, subject: str, mark_length: int) -> bytes:
    """A key's length and start; keys of one tenant share a hash tag, and so a slot of a cluster."""
    start = f"{PREFIX}:{{{tenant}}}:{whose(tenant, subject)}".encode()
    return b"$%d\r\n%s" % (len(start) + 1 + mark_length, start)


def asking(calls: Sequence[Call | Settlement]) -> bytes:
    """The command that decides these calls, as Redis reads it."""
    return _command(_BY_DIGEST, calls)


def asking_in_full(calls: Sequence[Call | Settlement]) -> bytes:
    """The same with the script itself, for a server that does not know it."""
    return _command(_IN_FULL, calls)


def _command(words: bytes, calls: Sequence[Call | Settlement]) -> bytes:
    keys: list[bytes] = []
    forms: dict[str, int] = {}
    told: list[str] = []
    for call in calls:
        form = _form(call.limits)
        start = _key_start(call.tenant, call.subject, MARK_LENGTH)
        for end in form.ends:
            keys.append(start)
            keys.append(end)
        asks = form.told(call.cost) if isinstance(call, Call) else _settling(call)
        place = forms.get(asks)
        if place is None:
            place = forms[asks] = len(forms) + 1
        if not isinstance(call, Call):
            told.append(f"[{place},{json.dumps(call.lease)},{call.since},{json.dumps(call.resets)}]")
        elif call.lease:
            told.append(f"[{place},{json.dumps(call.lease)}]")
        else:
            told.append(str(place))
    count = len(keys) // 2
    first, second = f"[{','.join(forms)}]".encode(), f"[{','.join(told)}]".encode()
    return b"".join(
        (
            b"*%d\r\n%s\r\n$%d\r\n%d\r\n" % (5 + count, words, len(str(count)), count),
            *keys,
            b"$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(first), first, len(second), second),
        )
    )


def _settling(settlement: Settlement) -> str:
    asks = [_ask(each, change_by(each, settlement.reserved, settlement.actual)) for each in settlement.limits]
    return json.dumps([settlement.actual, asks], separators=(",", ":"))


def _ask(limit: Limit, take: int) -> list[Any]:
    form = limit.form
    ceiling = -1 if form.ceiling is None else form.ceiling
    shadow = int(limit.mode is Mode.SHADOW)
    return [_KINDS[limit.kind], take, form.drain, form.capacity, ceiling, shadow, limit.lease_us, limit.windows, 0]


class _Verdicts(Sequence[Verdict]):
    """The verdicts of a decided call, made when the first of them is looked at: most callers only ask whether they may go on."""

    __slots__ = ("_allowed", "_call", "_made", "_now", "_numbers")

    def __init__(self, call: Call, allowed: bool, now: int, numbers: list[bytes]) -> None:  # noqa: FBT001 (made in one place)
        self._call, self._allowed, self._now, self._numbers = call, allowed, now, numbers
        self._made: tuple[Verdict, ...] | None = None

    def _all(self) -> tuple[Verdict, ...]:
        if self._made is None:
            call, numbers = self._call, iter([int(each) for each in self._numbers])
            states = [_state(limit, numbers, call.lease) for limit in call.limits]
            decision = judge(states, call.limits, call.cost, self._now, lease=call.lease)
            if (
                decision.allowed is not self._allowed
            ):  # the twins would disagree, which the suite of the contract rules out
                raise RuntimeError("the script and the rules disagree about a call")
            self._made = tuple(decision.verdicts)
        return self._made

    @overload
    def __getitem__(self, place: int) -> Verdict: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Verdict]: ...

    def __getitem__(self, place: int | slice) -> Verdict | Sequence[Verdict]:
        return self._all()[place]

    def __len__(self) -> int:
        return len(self._call.limits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all())


def read_answers(answer: bytes, calls: Sequence[Call | Settlement]) -> list[Decision | int | None]:
    """The script's answer as a decision of each call, or of a settlement its instant, None where there was nothing to settle."""
    numbers = answer.split()
    now, place = int(numbers[0]), 1
    found: list[Decision | int | None] = []
    for call in calls:
        first = numbers[place]
        place += 1
        if not isinstance(call, Call):
            found.append(int(first) or None)
            continue
        form = _form(call.limits)
        after = place + (2 * len(form.ends) if form.is_plain else sum(_LENGTHS[each.kind] for each in call.limits))
        allowed, cost = first == b"1", call.cost
        verdicts = _Verdicts(call, allowed, now, numbers[place:after])
        found.append(Decision(allowed, cost, now, verdicts, call.lease if allowed and cost else ""))
        place = after
    if place != len(numbers):
        raise ValueError("the script's answer is not as long as its question")
    return found


def _state(limit: Limit, numbers: Any, lease: str) -> State:
    level, at = next(numbers), next(numbers)
    if limit.kind is not Kind.CONCURRENCY:
        return State(level, at)
    soon, last, mine = next(numbers), next(numbers), next(numbers)
    ends = (("", soon), ("", last)) if level else ()
    return State(level, at, (*ends, (lease, last)) if mine else ends)
