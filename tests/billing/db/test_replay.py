"""Answers to writes that come again: one key, one effect, one answer, however often and however parallel it is sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.db.replay import Answer, ReplayMismatchError, recall, remember
from billing.kernel.errors import ConflictError
from tests.billing.db.pair import NOW, OURS, Pair
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Unit

FIRST = Answer(201, {"id": "cus_1", "nested": [1, None, {"deep": "é"}]})


def _recall(pair: Pair, key: str, fingerprint: str) -> Answer | None:
    with pair.database.view(pair.ours) as unit:
        return recall(unit, key, fingerprint)


def _remember(pair: Pair, key: str, answer: Answer) -> None:
    with pair.database.unit(pair.ours) as unit:
        remember(unit, key, "body", answer, NOW)


@pytest.mark.parametrize("body", [FIRST.body, [], [1, "a"], None])
def test_the_same_request_gets_the_same_answer(pair: Pair, body: object) -> None:
    """Status and body come back as they were first given."""
    assert _recall(pair, "k", "body") is None
    _remember(pair, "k", Answer(200, body))

    assert _recall(pair, "k", "body") == Answer(200, body)


def test_another_request_with_the_same_key_is_refused(pair: Pair) -> None:
    """Nothing of the first answer is told."""
    _remember(pair, "k", FIRST)

    with pytest.raises(ReplayMismatchError) as refused:
        _recall(pair, "k", "another body")

    assert refused.value.facts == {"key": "k"}


def test_keys_of_two_tenants_do_not_meet(pair: Pair) -> None:
    """The other tenant's same key is new."""
    _remember(pair, "k", FIRST)

    with pair.database.unit(pair.theirs) as unit:
        assert recall(unit, "k", "another body") is None
        remember(unit, "k", "another body", Answer(200, None), NOW)


def test_an_answer_is_kept_only_with_what_it_tells_of(pair: Pair) -> None:
    """A unit that fails after remembering leaves neither the effect nor the answer."""
    with pytest.raises(KeyError), pair.database.unit(pair.ours) as unit:
        _remember_and_fail(unit)

    assert _recall(pair, "k", "body") is None


def _remember_and_fail(unit: Unit) -> None:
    remember(unit, "k", "body", FIRST, NOW)
    unit.session.flush()
    raise KeyError


def test_two_threads_with_one_key_leave_one_effect(pair: Pair) -> None:
    """Both look before either writes, where the engine lets them: one effect is kept, the other thread replays or conflicts."""
    looked = threading.Barrier(2)

    def request(number: int) -> Answer:
        with pair.database.unit(pair.ours) as unit:
            known = recall(unit, "k", "body")
            if not pair.database.is_sqlite:
                looked.wait()
            if known is not None:
                return known
            answer = Answer(201, {"made": CustomerStore(unit).ensure([f"new{number}"], NOW)[f"new{number}"]})
            remember(unit, "k", "body", answer, NOW)
            return answer

    answers = together(2, request)

    kept = _recall(pair, "k", "body")
    assert kept in answers
    assert all(answer == kept or isinstance(answer, ConflictError) for answer in answers)
    with pair.database.view(pair.ours) as unit:
        assert CustomerStore(unit).count() == len(OURS) + 1
