"""An experiment as its service keeps it: a plan, what each arm does, and the states it may go through. Pure.

The plan is a document here (`models.experiments.plan_document` reads it): this package keeps and counts, and judges nothing.
draft -> running <-> paused -> stopped -> decided. Nothing of the plan changes once it runs; only coverage may rise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Kind(Enum):
    """A fixed split that is tested, or shares that follow success."""

    TEST = "test"
    BANDIT = "bandit"


class Status(Enum):
    """Where an experiment stands in its life."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DECIDED = "decided"


_NEXT: Final[Mapping[Status, frozenset[Status]]] = {
    Status.DRAFT: frozenset({Status.RUNNING}),
    Status.RUNNING: frozenset({Status.PAUSED, Status.STOPPED}),
    Status.PAUSED: frozenset({Status.RUNNING, Status.STOPPED}),
    Status.STOPPED: frozenset({Status.DECIDED}),
    Status.DECIDED: frozenset(),
}
_LONGEST_UNIT: Final = 200
ENDED: Final = frozenset({Status.STOPPED, Status.DECIDED})


class ExperimentNotFoundError(NotFoundError):
    """No such experiment of this tenant."""

    code = "experiment_not_found"


class ExperimentStateError(ConflictError):
    """The experiment is past the point at which this could be done."""

    code = "experiment_state"


class FrozenPlanError(ConflictError):
    """The plan of an experiment that was started stays as it is."""

    code = "experiment_plan_frozen"


class LayerFullError(ConflictError):
    """Other experiments hold the part of the layer that this one asks for."""

    code = "experiment_layer_full"


class BadExperimentError(InvalidError):
    """The experiment, as described, could not be run or judged fairly."""

    code = "bad_experiment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What an arm does: `words` for who serves it (such as show, message, order), `gives` the entitlements by feature."""

    words: Mapping[str, Any] = field(default_factory=dict)
    gives: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One run. `version` counts the runs under a key, each with a salt of its own; `why` is the reason of the last pause or stop.

    `freed_at` is when what its arms gave was taken back from everybody.
    """

    id: str
    key: str
    version: int
    name: str
    hypothesis: str
    placement: str | None
    kind: Kind
    status: Status
    layer: str | None
    layer_share: float
    coverage: float
    is_sticky: bool
    plan: Mapping[str, Any]
    treatments: Mapping[str, Treatment]
    created_at: datetime
    digest: str | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    stopped_at: datetime | None = None
    decided_at: datetime | None = None
    freed_at: datetime | None = None
    why: str | None = None
    decided_by: str | None = None
    decided_arm: str | None = None
    verdict: Mapping[str, Any] | None = None

    @property
    def run(self) -> str:
        """The name its exposures carry: the key, and the version from the second on."""
        return run_name(self.key, self.version)

    @property
    def gives(self) -> frozenset[str]:
        """Every feature that any arm gives."""
        return frozenset(feature for treatment in self.treatments.values() for feature in treatment.gives)

    def require(self, *allowed: Status) -> None:
        """Raises ExperimentStateError unless it stands in one of these states."""
        if self.status not in allowed:
            raise ExperimentStateError(
                f"the experiment is {self.status.value}; this can be done while it is "
                f"{' or '.join(status.value for status in allowed)}",
                experiment=self.key,
                status=self.status.value,
            )

    def may_become(self, status: Status) -> None:
        """Raises ExperimentStateError where its present state does not lead to another."""
        if status not in _NEXT[self.status]:
            raise ExperimentStateError(
                f"the experiment is {self.status.value} and cannot be {status.value} from there",
                experiment=self.key,
                status=self.status.value,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What serving needs of a running experiment. `key` is the name of its run, `shares` a bandit's present ones."""

    id: str
    key: str
    plan: Mapping[str, Any]
    treatments: Mapping[str, Treatment]
    placement: str | None
    coverage: float
    is_sticky: bool
    kind: Kind = Kind.TEST
    shares: Mapping[str, float] | None = None

    @property
    def unit(self) -> str:
        """Whom exposures name: `customer` or `member`."""
        return str(self.plan["unit"])

    @property
    def arms(self) -> tuple[str, ...]:
        """The keys of its arms, the control first."""
        return tuple(str(arm["key"]) for arm in self.plan["arms"])


def run_name(key: str, version: int) -> str:
    """The name that exposures of a run carry.

    >>> run_name("prices", 1), run_name("prices", 2)
    ('prices', 'prices@2')
    """
    return key if version == 1 else f"{key}@{version}"


def unit_key(unit: str, customer: str, member: str | None) -> str | None:
    """The key under which a person or account is counted; None for an experiment on members where nobody is named.

    >>> unit_key("customer", "acme", "ann"), unit_key("member", "acme", "ann"), unit_key("member", "acme", None)
    ('acme', 'acme/ann', None)
    """
    if unit == "customer":
        return customer
    if member is None:
        return None
    name = f"{customer}/{member}"
    if len(name) <= _LONGEST_UNIT:
        return name
    return f"{name[:100]}#{hashlib.sha256(name.encode()).hexdigest()}"
