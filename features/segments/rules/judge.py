"""Whether a rule holds for a customer, and why: the conditions that decided, each with what was known and what was asked. Pure.

One judgement serves one customer and all: what is found in bulk is what a page says of one.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from features.contact.consent import OPTED_OUT
from features.segments.rules.tree import All, AnyOf, Compare, Node, Not, OneOf, Subject, asks_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from features.segments.rules.tree import Leaf

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one customer at one moment; `segments` gives the names a customer goes by in each scheme."""

    features: Mapping[str, int | float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    segments: Mapping[str, frozenset[str]] = field(default_factory=dict)
    plans: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()
    country: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A condition that decided: whether it held, and what the customer had (None where nothing is known)."""

    leaf: Leaf
    held: bool
    found: int | float | tuple[str, ...] | None

    @property
    def sentence(self) -> str:
        """The condition and the finding in words.

        >>> Evidence(Compare(Subject.FEATURE, "orders_90d", ">=", 3), held=False, found=1).sentence
        'orders_90d is 1, which is not >= 3'
        """
        if isinstance(self.leaf, Compare):
            asked = f"{self.leaf.operator} {_number(self.leaf.threshold)}"
            name = self.leaf.name if self.leaf.subject is Subject.FEATURE else f"the {self.leaf.name} score"
            if self.found is None or isinstance(self.found, tuple):
                return f"{name} is not known, so it is not {asked}"
            return f"{name} is {_number(self.found)}, which is {'' if self.held else 'not '}{asked}"
        what = f"{self.leaf.scheme} segment" if self.leaf.scheme else self.leaf.subject.value
        had = ", ".join(self.found) if isinstance(self.found, tuple) and self.found else "none"
        return f"the {what} is {had}, which is {'' if self.held else 'not '}one of {', '.join(self.leaf.values)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a customer is in, and the conditions that made it so: without any of them it could be otherwise.

    There are none where the customer opted out of profiling and the rule asks for a profile.
    """

    inside: bool
    because: tuple[Evidence, ...]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        if not self.because:
            return "Out: the customer opted out of profiling, and the rule asks for what only a profile tells."
        return f"{'In' if self.inside else 'Out'}: {'; '.join(each.sentence for each in self.because)}."


def is_closed(tree: Node, facts: Facts) -> bool:
    """Whether the customer opted out of profiling and the rule asks for a profile: then nothing of it is judged, not even a "not"."""
    return OPTED_OUT in facts.consents and asks_profile(tree)


def holds(tree: Node, facts: Facts) -> bool:
    """Whether the tree holds.

    >>> holds(Compare(Subject.FEATURE, "orders_90d", ">=", 3), Facts(features={"orders_90d": 4}))
    True
    """
    match tree:
        case All(parts):
            return all(holds(part, facts) for part in parts)
        case AnyOf(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case _:
            return _leaf(tree, facts).held


def judge(tree: Node, facts: Facts) -> Verdict:
    """The same with the conditions that decided: of an `all` that fails the parts that fail, of an `any` that holds those that hold."""
    match tree:
        case All(parts) | AnyOf(parts):
            verdicts = [judge(part, facts) for part in parts]
            inside = (all if isinstance(tree, All) else any)(verdict.inside for verdict in verdicts)
            deciding = (verdict for verdict in verdicts if verdict.inside == inside)
            return Verdict(inside, tuple(dict.fromkeys(each for verdict in deciding for each in verdict.because)))
        case Not(part):
            verdict = judge(part, facts)
            return Verdict(not verdict.inside, verdict.because)
        case _:
            evidence = _leaf(tree, facts)
            return Verdict(evidence.held, (evidence,))


def _leaf(leaf: Leaf, facts: Facts) -> Evidence:
    if isinstance(leaf, Compare):
        known = facts.features if leaf.subject is Subject.FEATURE else facts.scores
        value = known.get(leaf.name)
        return Evidence(leaf, value is not None and _OPERATORS[leaf.operator](value, leaf.threshold), value)
    had = _had(leaf, facts)
    return Evidence(leaf, not had.isdisjoint(leaf.values), tuple(sorted(had)))


def _had(leaf: OneOf, facts: Facts) -> frozenset[str]:
    match leaf.subject:
        case Subject.PLAN:
            return facts.plans
        case Subject.CONSENT:
            return facts.consents
        case Subject.COUNTRY:
            return frozenset({facts.country} - {""})
        case _:
            return facts.segments.get(leaf.scheme, frozenset())


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"
