"""Customer tokens: only what the shop signed, for an hour at most, and never an error but the one that tells what to do."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.tokens import CustomerTokenError, customer_of, sign, signing_secret

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECRET = signing_secret(b"an installation's secret", "ten_1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _claims(**changed: Any) -> dict[str, Any]:
    """Good claims with some of them changed; None leaves a claim out."""
    end = int((NOW + timedelta(minutes=30)).timestamp())
    return {
        name: value
        for name, value in {"sub": "ann", "aud": "uptier", "exp": end, **changed}.items()
        if value is not None
    }


def _signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@given(st.text(min_size=1), st.integers(0, 60))
def test_a_signed_token_speaks_for_its_customer(customer: str, minutes: int) -> None:
    """Any key of a customer, any life up to an hour."""
    token = sign(SECRET, customer, now=NOW, life=timedelta(minutes=minutes))

    assert customer_of(SECRET, token, now=NOW) == customer


@given(st.text() | st.text(alphabet="abcXYZ019-_.=", max_size=200) | st.builds(_part, st.dictionaries(st.text(), JSON)))
def test_garbage_is_refused_with_the_one_error(token: str) -> None:
    """Whatever a browser sends instead of a token."""
    for text in (token, f"{token}.{token}.{token}", f"{_part({'alg': 'HS256'})}.{token}."):
        with pytest.raises(CustomerTokenError):
            customer_of(SECRET, text, now=NOW)


@given(st.dictionaries(st.sampled_from(("sub", "aud", "exp", "iat", "nbf", "iss", "jti")), JSON))
def test_signed_claims_of_any_kind_are_read_or_refused(claims: dict[str, Any]) -> None:
    """A shop's own mistake (no end, an end that is no number, or is infinite) is a refusal too, never a crash."""
    body = json.dumps({"sub": "ann", "aud": "uptier", **claims}).encode()
    token = jwt.api_jws.encode(body, SECRET, algorithm="HS256")

    with contextlib.suppress(CustomerTokenError):
        assert isinstance(customer_of(SECRET, token, now=NOW), str)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_character_breaks_a_token(place: int, shift: int) -> None:
    """Wherever it stands, unless it spells the same bytes."""
    token = sign(SECRET, "ann", now=NOW)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place %= token.rindex(".") + 1
    if token[place] == ".":
        return
    other = alphabet[(alphabet.index(token[place]) + 1 + shift % 63) % 64]
    if other == token[place]:
        return

    with pytest.raises(CustomerTokenError):
        customer_of(SECRET, token[:place] + other + token[place + 1 :], now=NOW)


@pytest.mark.parametrize("life", [timedelta(seconds=-31), timedelta(hours=-2), timedelta(days=-400)])
def test_an_expired_token_is_refused_and_says_so(life: timedelta) -> None:
    """Half a minute of two clocks' difference is forgiven, no more."""
    assert customer_of(SECRET, sign(SECRET, "ann", now=NOW, life=timedelta(seconds=-29)), now=NOW) == "ann"
    with pytest.raises(CustomerTokenError, match="has expired"):
        customer_of(SECRET, sign(SECRET, "ann", now=NOW, life=life), now=NOW)


@pytest.mark.parametrize("end", [timedelta(hours=1, seconds=31), timedelta(days=365), timedelta(days=2_000_000)])
def test_a_token_that_lives_too_long_is_refused(end: timedelta) -> None:
    """A stolen token ends soon, whatever the shop wished."""
    claims = _claims(exp=int(NOW.timestamp() + end.total_seconds()))

    with pytest.raises(CustomerTokenError, match="an hour at most"):
        customer_of(SECRET, _signed(claims), now=NOW)


def test_a_token_from_the_future_is_refused_and_one_from_a_fast_clock_is_not() -> None:
    """`nbf` is held against the same clock as the end, with the same forgiveness."""
    soon, later = (int((NOW + timedelta(seconds=wait)).timestamp()) for wait in (29, 31))

    assert customer_of(SECRET, _signed(_claims(nbf=soon)), now=NOW) == "ann"
    with pytest.raises(CustomerTokenError, match="not valid yet"):
        customer_of(SECRET, _signed(_claims(nbf=later)), now=NOW)


@pytest.mark.parametrize("audience", [None, "", "other", ["other", "another"], 7])
def test_a_token_for_somebody_else_is_refused(audience: object) -> None:
    """The shop may sign other things with the same secret."""
    with pytest.raises(CustomerTokenError):
        customer_of(SECRET, _signed_raw(_claims(aud=audience)), now=NOW)


@pytest.mark.parametrize("end", [float("inf"), float("nan"), 10**400, "soon", [1], {}, True])
def test_an_end_that_is_no_moment_is_refused(end: object) -> None:
    """Infinity is a number to JSON; it is no time at which a token ends."""
    for claim in ("exp", "nbf"):
        with pytest.raises(CustomerTokenError):
            customer_of(SECRET, _signed_raw(_claims(**{"exp": True, claim: end})), now=NOW)


@pytest.mark.parametrize("missing", ["sub", "exp", "aud"])
def test_a_token_without_a_claim_is_refused(missing: str) -> None:
    """All three are needed."""
    with pytest.raises(CustomerTokenError):
        customer_of(SECRET, _signed_raw(_claims(**{missing: None})), now=NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS512", "RS256", ""])
def test_no_algorithm_but_ours_is_taken(algorithm: str) -> None:
    """Least of all none: unsigned, with an empty signature, or with a signature of ours under another name."""
    unsigned = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(_claims())}"
    stolen = sign(SECRET, "ann", now=NOW).rsplit(".", 1)[1]

    for token in (f"{unsigned}.", unsigned, f"{unsigned}.{stolen}", f"{unsigned}.AAAA"):
        with pytest.raises(CustomerTokenError):
            customer_of(SECRET, token, now=NOW)


def test_a_longer_hash_with_the_right_secret_is_refused() -> None:
    """The algorithm is not the token's to choose."""
    with pytest.raises(CustomerTokenError):
        customer_of(SECRET, _signed(_claims(), algorithm="HS384"), now=NOW)


@given(st.text(min_size=1), st.text(min_size=1))
def test_each_tenant_has_a_secret_of_its_own(one: str, other: str) -> None:
    """A token of one tenant opens nothing at another, and the installation's secret is in neither."""
    first, second = (signing_secret(b"root", tenant) for tenant in (one, other))

    assert (first == second) == (one == other)
    assert len(bytes.fromhex(first)) == 32
    if one != other:
        with pytest.raises(CustomerTokenError):
            customer_of(second, sign(first, "ann", now=NOW), now=NOW)


def _signed_raw(claims: dict[str, Any]) -> str:
    """A token with claims that a careful library would not sign."""
    return jwt.api_jws.encode(json.dumps(claims).encode(), SECRET, algorithm="HS256")
