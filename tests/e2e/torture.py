"""Four servers under fire: `python -m tests.e2e.torture --seconds 120`.

Clients post usage and take holds at whichever server they like and try again until they are answered. Meanwhile servers are killed
(SIGKILL), Redis is flushed and restarted, and PostgreSQL loses a process, which makes it end every connection and recover from its log.
In the end usage must be exactly the distinct events that were acknowledged, no hard limit may be exceeded, no hold may leak, and
`uptier db check` finds nothing. Prints a JSON line; ends 1 at the first fault.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from tests.e2e.client import Client
from tests.e2e.installation import Installation
from tests.e2e.redis_process import RedisProcess
from tests.e2e.server import Server, ServerDidNotStartError
from tests.servers import postgres

BATCH = 20
LIMIT = 60
_NOW = "2026-01-31T09:00:00+00:00"
_SPAN = {"from": "2026-01-31T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
_PATIENCE_SECONDS = 120.0


class TortureError(AssertionError):
    """Something was lost, let through or leaked."""


@dataclass(slots=True)
class Field:
    """The servers, and what everybody has to know of the run."""

    servers: list[Server]
    key: str
    ended: threading.Event = field(default_factory=threading.Event)
    tries_again: int = 0
    faults: list[str] = field(default_factory=list)

    def ask(self, rng: random.Random, method: str, path: str, body: Any) -> httpx.Response:
        """A request, sent to one server after another until one answers it; what is asked must bear being repeated."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            server = rng.choice(self.servers)
            try:
                answer = httpx.request(
                    method,
                    f"{server.address}{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.key}"},
                    timeout=15,
                    trust_env=False,
                )
            except httpx.TransportError:
                self.tries_again += 1
                time.sleep(0.02)
                continue
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return answer
            self.tries_again += 1
            time.sleep(0.02)
        raise TortureError(f"nobody answered {method} {path} for {_PATIENCE_SECONDS} s")


class Caller(threading.Thread):
    """One client; what ends it is kept in `field.faults`."""

    def __init__(self, field_: Field, customer: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.field, self.customer, self.rng = field_, customer, random.Random(seed)

    def run(self) -> None:
        """Work until the run has ended."""
        number = 0
        try:
            while not self.field.ended.is_set():
                self.step(number)
                number += 1
        except Exception as error:  # noqa: BLE001 (a thread's end must not be silent)
            self.field.faults.append(f"{self.customer}: {error!r}")

    def step(self, number: int) -> None:
        """One thing it does."""
        raise NotImplementedError


class Sender(Caller):
    """Posts batches of events, some of them twice; `acknowledged` are the distinct ones that were answered."""

    def __init__(self, field_: Field, customer: str, seed: int) -> None:
        super().__init__(field_, customer, seed)
        self.acknowledged = 0

    def step(self, number: int) -> None:
        """One batch, until it is answered."""
        events = [
            {"id": f"{self.customer}-{number}-{place}", "source": "till", "type": "call", "customer": self.customer}
            for place in range(BATCH)
        ]
        for _ in range(self.rng.choice([1, 1, 2])):
            answer = self.field.ask(self.rng, "POST", "/v1/events", events)
            found = answer.json()
            if answer.is_error or found["accepted"] + found["duplicates"] != BATCH:
                raise TortureError(answer.text[:300])
        self.acknowledged += BATCH


class Holder(Caller):
    """Sets units aside and uses them, or lets them go; `used` is what it was told is used."""

    def __init__(self, field_: Field, customer: str, seed: int) -> None:
        super().__init__(field_, customer, seed)
        self.used, self.refused = 0, 0

    def step(self, number: int) -> None:
        """One hold, to its end."""
        quantity, name = self.rng.randint(1, 4), f"{self.customer}-{self.name}-{number}"
        body = {"customer": self.customer, "feature": "calls", "quantity": str(quantity), "key": name}
        made = self.field.ask(self.rng, "POST", "/v1/access/holds", body)
        if made.status_code == httpx.codes.CONFLICT and made.json()["code"] == "limit_reached":
            self.refused += 1
            time.sleep(0.05)
            return
        if made.is_error:
            raise TortureError(made.text[:300])
        used = self.rng.randint(0, quantity)
        if self.rng.random() < 0.3:
            ended = self.field.ask(self.rng, "DELETE", f"/v1/access/holds/{name}", None)
        else:
            ended = self.field.ask(self.rng, "POST", f"/v1/access/holds/{name}/commit", {"quantity": str(used)})
            self.used += used
        if ended.is_error:
            raise TortureError(ended.text[:300])


class Chaos(threading.Thread):
    """Breaks one thing after another until the run has ended, and mends it again."""

    def __init__(self, field_: Field, redis: RedisProcess, postmaster: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.field, self.redis, self.postmaster, self.rng = field_, redis, postmaster, random.Random(seed)
        self.done: dict[str, int] = {}

    def run(self) -> None:
        """Every few seconds something else."""
        while not self.field.ended.wait(self.rng.uniform(1.0, 4.0)):
            what = self.rng.choice([self.kill_server, self.kill_server, self.flush, self.restart_redis, self.crash])
            self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
            try:
                what()
            except Exception as error:  # noqa: BLE001 (as above)
                self.field.faults.append(f"chaos: {error!r}")
                return

    def kill_server(self) -> None:
        """SIGKILL in mid-traffic, and up again."""
        server = self.rng.choice(self.field.servers)
        server.kill()
        start(server)

    def flush(self) -> None:
        """Redis forgets everything."""
        self.redis.flush()

    def restart_redis(self) -> None:
        """Redis is away for a moment, and comes back empty."""
        self.redis.kill()
        time.sleep(self.rng.uniform(0, 0.5))
        self.redis.start()

    def crash(self) -> None:
        """A backend dies: PostgreSQL ends every connection and recovers from its log."""
        backends = [each for each in psutil.Process(self.postmaster).children() if "idle" in " ".join(each.cmdline())]
        if backends:
            self.rng.choice(backends).kill()


def start(server: Server) -> None:
    """Start a server, once more if the database was just recovering."""
    for _ in range(5):
        try:
            server.start()
        except ServerDidNotStartError:
            if server.is_started:
                server.kill()
            time.sleep(1)
        else:
            return
    raise TortureError(f"a server does not start any more:\n{server.log()}")


def torture(home: Path, *, seconds: float, servers: int, seed: int) -> dict[str, Any]:
    """Run it all; raises TortureError where a promise was broken."""
    with ExitStack() as stack:
        database = postgres.start(postgres.DURABLE)
        stack.callback(database.stop)
        url = stack.enter_context(database.fresh())
        redis = RedisProcess(home / "redis")
        stack.callback(redis.kill)
        redis.start()
        place = Installation(home / "home", database_url=url, mlflow_uri="off", redis_url=redis.url)
        place.ask("db", "upgrade")
        key = place.ask("tenants", "create", "Till", "--test", "--clock", _NOW)["secret_key"]
        field_ = Field([Server(place) for _ in range(servers)], key)
        for server in field_.servers:
            start(server)
            stack.callback(_end, server)
        senders = [Sender(field_, f"tally-{number}", seed + number) for number in range(4)]
        holders = [Holder(field_, f"limited-{number % 2}", seed + 10 + number) for number in range(4)]
        _open(field_, {each.customer for each in (*senders, *holders)})
        pid = database.pid
        assert pid is not None
        chaos = Chaos(field_, redis, _postmaster(pid), seed)
        for thread in (*senders, *holders, chaos):
            thread.start()
        time.sleep(seconds)
        field_.ended.set()
        for thread in (chaos, *senders, *holders):
            thread.join(_PATIENCE_SECONDS)
        if field_.faults:
            raise TortureError("; ".join(field_.faults))
        found = _judged(field_, senders, holders)
        checked = place.run("db", "check")
        if checked.returncode:
            raise TortureError(checked.stdout[-2000:] + checked.stderr[-2000:])
        return {**found, "tries_again": field_.tries_again, **chaos.done}


def _end(server: Server) -> None:
    if server.is_started:
        server.kill()


def _postmaster(pid: int) -> int:
    """The server's main process, which may stand under a shell."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return int(next(each.pid for each in family if each.name().startswith("postgres")))


def _open(field_: Field, customers: set[str]) -> None:
    with Client(field_.servers[0].address, field_.key) as client:
        client.post("/v1/meters", {"key": "calls", "name": "Calls", "event_type": "call"})
        client.post("/v1/features", {"key": "calls", "name": "Calls", "kind": "limit", "meter": "calls"})
        plan = {"key": "basic", "name": "Basic", "currency": "EUR", "grants": {"calls": LIMIT}}
        client.post("/v1/plans", plan)
        for customer in sorted(customers):
            client.post("/v1/customers", {"key": customer})
            client.post("/v1/subscriptions", {"customer": customer, "plan": "basic"})


def _judged(field_: Field, senders: list[Sender], holders: list[Holder]) -> dict[str, int]:
    with Client(field_.servers[0].address, field_.key) as client:
        for sender in senders:
            used = int(client.get("/v1/usage", customer=sender.customer, meter="calls", **_SPAN)["quantity"])
            if used != sender.acknowledged:
                raise TortureError(f"{sender.customer}: {sender.acknowledged} acknowledged, {used} counted")
        for customer in {each.customer for each in holders}:
            told = sum(each.used for each in holders if each.customer == customer)
            used = int(client.get("/v1/usage", customer=customer, meter="calls", **_SPAN)["quantity"])
            if used != told or used > LIMIT:
                raise TortureError(f"{customer}: told {told}, counted {used}, limit {LIMIT}")
            leaked = client.get("/v1/access/holds", customer=customer, state="open")["items"]
            if leaked:
                raise TortureError(f"{customer}: {len(leaked)} holds leaked")
    return {
        "events": sum(each.acknowledged for each in senders),
        "held_and_used": sum(each.used for each in holders),
        "refused": sum(each.refused for each in holders),
    }


def main() -> int:
    """Run it and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = torture(Path(folder), seconds=given.seconds, servers=given.servers, seed=given.seed)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
