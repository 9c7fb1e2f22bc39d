"""The script that decides calls inside Redis, by Redis's clock, and the two codecs around it.

It is the twin of `billing.ratelimits.decide`: the script takes or refuses, and hands back each bucket as it stood, from which the
same pure function as everywhere makes the decision's words. Numbers stay below 2**53, where Lua's are whole.
"""

from __future__ import annotations

import json
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from billing.ratelimits.decide import MOST_LEVEL, Decision, State, change_by, judge
from billing.ratelimits.lifetime import GRACE_US
from billing.ratelimits.limit import Kind, Limit, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.ratelimits.call import Call, Settlement

_KINDS = {Kind.RATE: 0, Kind.QUOTA: 1, Kind.CONCURRENCY: 2}
_DECIDE, _SETTLE = 0, 1

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

local function settle(lease, asks)
  local found = 0
  for i, ask in ipairs(asks) do
    local key = KEYS[place + i]
    local level, at = load(key, ask)
    local set = ask[1] == 2 and key or key .. ':l'
    local ends = tonumber(redis.call('ZSCORE', set, lease) or 0)
    if ends > now then
      found = now
      redis.call('ZREM', set, lease)
      if ask[1] ~= 2 then
        local change = ask[2]
        if change < 0 then change = math.min(0, change + ask[3] * math.max(0, now - (ends - ask[7]))) end
        ask[9] = ask[7]
        keep(key, ask, math.min(most, math.max(0, level + change)), at)
      end
    end
  end
  place = place + #asks
  say(found)
end

for _, call in ipairs(cjson.decode(ARGV[1])) do
  if call[1] == 0 then decide(call[2], call[3], call[4]) else settle(call[2], call[4]) end
end
return table.concat(out, ' ')
"""
DIGEST = sha1(SOURCE.encode(), usedforsecurity=False).hexdigest()
PREFIX = "uptier:rl"


def keys_of(call: Call | Settlement) -> list[str]:
    """The call's buckets in Redis; those of one tenant share a hash tag, and so a slot of a cluster."""
    return [f"{PREFIX}:{{{call.tenant}}}:{name}" for name in call.buckets()]


def packed(calls: Sequence[Call | Settlement]) -> str:
    """The script's one argument: each call as its operation, lease, cost and what it asks of each bucket."""
    return json.dumps([_one(call) for call in calls], separators=(",", ":"))


def _one(call: Call | Settlement) -> list[Any]:
    if hasattr(call, "cost"):
        cost = call.cost
        return [
            _DECIDE,
            call.lease,
            cost,
            [_ask(each, each.cost(cost) * each.form.unit if cost else 0) for each in call.limits],
        ]
    asks = [_ask(each, change_by(each, call.reserved, call.actual)) for each in call.limits]
    return [_SETTLE, call.lease, call.actual, asks]


def _ask(limit: Limit, take: int) -> list[Any]:
    form = limit.form
    ceiling = -1 if form.ceiling is None else form.ceiling
    shadow = int(limit.mode is Mode.SHADOW)
    return [_KINDS[limit.kind], take, form.drain, form.capacity, ceiling, shadow, limit.lease_us, limit.windows, 0]


def unpacked(answer: bytes | str, calls: Sequence[Call | Settlement]) -> list[Decision | int | None]:
    """The script's answer as a decision of each call, or of a settlement its instant, None where there was nothing to settle."""
    numbers = iter([int(each) for each in answer.split()])
    now = next(numbers)
    found: list[Decision | int | None] = []
    for call in calls:
        first = next(numbers)
        if not hasattr(call, "cost"):
            found.append(first or None)
            continue
        states = [_state(limit, numbers, call.lease) for limit in call.limits]
        decision = judge(states, call.limits, call.cost, now, lease=call.lease)
        if decision.allowed is not bool(first):  # the twins would disagree: trust the one that took the cost
            raise RuntimeError("the script and the rules disagree about a call")
        found.append(decision)
    return found


def _state(limit: Limit, numbers: Any, lease: str) -> State:
    level, at = next(numbers), next(numbers)
    if limit.kind is not Kind.CONCURRENCY:
        return State(level, at)
    soon, last, mine = next(numbers), next(numbers), next(numbers)
    ends = (("", soon), ("", last)) if level else ()
    return State(level, at, (*ends, (lease, last)) if mine else ends)
