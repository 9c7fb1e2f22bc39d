"""A rule as a tree: conditions on what is known of a customer, joined by all, any and not; read from JSON and written back. Pure.

    {"all": [{"feature": "orders_90d", "op": ">=", "value": 3},
             {"any": [{"consent": "marketing"}, {"plan": ["pro", "plus"]}]},
             {"not": {"segment": "lapsed", "scheme": "life_cycle"}}]}

A leaf names a feature view, a model's score, a segment, a plan, a consent or a country. What is not known (no score yet) holds in no leaf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from billing.kernel.errors import InvalidError
from features.catalog import UnknownViewError, is_view, view_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_DEPTH: Final = 8
MAX_NODES: Final = 100
MAX_VALUES: Final = 50
MAX_WORD: Final = 200
OPERATORS: Final = ("<", "<=", "=", "!=", ">=", ">")
SCHEMES: Final = ("clusters", "life_cycle", "rfm")


class RuleError(InvalidError):
    """A tree that is no rule; `path` says where, such as `all.1.not`."""

    code = "invalid_segment_rule"


class Subject(Enum):
    """What a leaf is about."""

    FEATURE = "feature"
    SCORE = "score"
    SEGMENT = "segment"
    PLAN = "plan"
    CONSENT = "consent"
    COUNTRY = "country"


_PROFILE = frozenset({Subject.FEATURE, Subject.SCORE, Subject.SEGMENT})


@dataclass(frozen=True, slots=True)
class Compare:
    """A number known of the customer against a threshold: `subject` is a feature or a score."""

    subject: Subject
    name: str
    operator: str
    threshold: int | float


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether what a customer has (plans, consents, the country, the segment in a scheme) meets one of the values."""

    subject: Subject
    values: tuple[str, ...]
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


Leaf: TypeAlias = Compare | OneOf
Node: TypeAlias = "All | AnyOf | Not | Compare | OneOf"
_NUMBERS = {Subject.FEATURE.value, Subject.SCORE.value}
_SETS = {Subject.SEGMENT.value, Subject.PLAN.value, Subject.CONSENT.value, Subject.COUNTRY.value}


def read_tree(document: object, *, stored: bool = False) -> Node:
    """The tree that a document says; raises RuleError with the place of what is wrong.

    A `stored` one was checked when it was written: a view that was taken out of the catalogue since is no error, it is just not known.

    >>> read_tree({"consent": "marketing"})
    OneOf(subject=<Subject.CONSENT: 'consent'>, values=('marketing',), scheme='')
    """
    tree = _read(document, "", 1)
    if sum(1 for _ in nodes(tree)) > MAX_NODES:
        raise RuleError(f"a rule has at most {MAX_NODES} conditions and joints")
    if not stored:
        _check_views(tree)
    return tree


def write_tree(tree: Node) -> dict[str, Any]:
    """The document of a tree; `read_tree` gives the tree back."""
    match tree:
        case All(parts):
            return {"all": [write_tree(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [write_tree(part) for part in parts]}
        case Not(part):
            return {"not": write_tree(part)}
        case Compare():
            return {tree.subject.value: tree.name, "op": tree.operator, "value": tree.threshold}
        case OneOf():
            return {tree.subject.value: list(tree.values), **({"scheme": tree.scheme} if tree.scheme else {})}


def nodes(tree: Node) -> Iterator[Node]:
    """The tree's nodes, itself first."""
    yield tree
    for part in (tree.part,) if isinstance(tree, Not) else tree.parts if isinstance(tree, All | AnyOf) else ():
        yield from nodes(part)


def asks_profile(tree: Node) -> bool:
    """Whether the tree asks for anything that is guessed or watched of a customer: features, scores, places among alike."""
    leaves = (node for node in nodes(tree) if isinstance(node, Compare | OneOf))
    return any(leaf.subject in _PROFILE for leaf in leaves)


def feature_names(tree: Node) -> tuple[str, ...]:
    """The feature views that the tree asks about and that there are, each once, in order of name."""
    return tuple(sorted({name for name in _asked(tree) if is_view(name)}))


def _asked(tree: Node) -> Iterator[str]:
    leaves = (node for node in nodes(tree) if isinstance(node, Compare))
    return (leaf.name for leaf in leaves if leaf.subject is Subject.FEATURE)


def _check_views(tree: Node) -> None:
    for name in _asked(tree):
        try:
            view_named(name)
        except UnknownViewError as error:
            raise RuleError(error.detail, view=name) from error


def _read(document: object, path: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise _wrong(path, f"a rule is at most {MAX_DEPTH} levels deep")
    if not isinstance(document, dict) or not document:
        raise _wrong(path, "a condition is an object such as {'feature': 'orders_90d', 'op': '>=', 'value': 3}")
    for joint in ("all", "any"):
        if joint in document:
            parts = _only(document, {joint}, path)[joint]
            if not isinstance(parts, list) or not parts:
                raise _wrong(path, f"'{joint}' joins a list of one or more conditions")
            if len(parts) > MAX_NODES:
                raise _wrong(path, f"'{joint}' joins at most {MAX_NODES} conditions")
            read = tuple(_read(part, f"{path}{joint}.{place}.", depth + 1) for place, part in enumerate(parts))
            return All(read) if joint == "all" else AnyOf(read)
    if "not" in document:
        return Not(_read(_only(document, {"not"}, path)["not"], f"{path}not.", depth + 1))
    return _leaf(document, path)


def _leaf(document: Mapping[str, Any], path: str) -> Leaf:
    subjects = [key for key in document if key in _NUMBERS | _SETS]
    if len(subjects) != 1:
        known = ", ".join(sorted({"all", "any", "not"} | _NUMBERS | _SETS))
        raise _wrong(path, f"a condition has exactly one of {known}")
    subject = Subject(subjects[0])
    return _compare(document, subject, path) if subject.value in _NUMBERS else _one_of(document, subject, path)


def _compare(document: Mapping[str, Any], subject: Subject, path: str) -> Compare:
    found = _only(document, {subject.value, "op", "value"}, path)
    name, operator, value = found[subject.value], found.get("op"), found.get("value")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_WORD:
        raise _wrong(path, f"'{subject.value}' is a name")
    if operator not in OPERATORS:
        raise _wrong(path, f"'op' is one of {' '.join(OPERATORS)}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) >= 2**63:
        raise _wrong(path, "'value' is a number")
    return Compare(subject, name, str(operator), value)


def _one_of(document: Mapping[str, Any], subject: Subject, path: str) -> OneOf:
    allowed = {subject.value, "scheme"} if subject is Subject.SEGMENT else {subject.value}
    found = _only(document, allowed, path)
    values = [found[subject.value]] if isinstance(found[subject.value], str) else found[subject.value]
    if not isinstance(values, list) or not 0 < len(values) <= MAX_VALUES:
        raise _wrong(path, f"'{subject.value}' is a text or a list of up to {MAX_VALUES} texts")
    if not all(isinstance(value, str) and 0 < len(value) <= MAX_WORD for value in values):
        raise _wrong(path, f"'{subject.value}' is a text or a list of texts of 1 to {MAX_WORD} characters")
    scheme = found.get("scheme", SCHEMES[0]) if subject is Subject.SEGMENT else ""
    if subject is Subject.SEGMENT and scheme not in SCHEMES:
        raise _wrong(path, f"'scheme' is one of {', '.join(SCHEMES)}; a rule does not stand on another rule")
    return OneOf(subject, tuple(dict.fromkeys(values)), scheme)


def _only(document: Mapping[str, Any], allowed: set[str], path: str) -> Mapping[str, Any]:
    extra = sorted(str(key)[:40] for key in document if key not in allowed)
    if extra:
        raise _wrong(path, f"{', '.join(extra[:5])} does not belong to a condition on {', '.join(sorted(allowed))}")
    return document


def _wrong(path: str, why: str) -> RuleError:
    place = path.rstrip(".")
    return RuleError(f"{why}{f' (at {place[:200]})' if place else ''}", path=place[:200])
