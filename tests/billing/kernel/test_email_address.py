"""E-mail addresses by their shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.email_address import EmailError, checked_email


@pytest.mark.parametrize(
    "address", ["", "ann@shop.example", "a.b+c@mail.shop.example", "o'neill@x-y.ie", "jörg@bücher.example"]
)
def test_addresses_are_kept(address: str) -> None:
    """With names and domains of every script."""
    assert checked_email(f" {address} ") == address


@pytest.mark.parametrize(
    "text", ["ann", "ann@", "@shop.example", "a@b", "a b@c.de", "a@b@c.de", "a@-b.de", "a@b..de", f"{'a' * 250}@b.de"]
)
def test_what_mail_cannot_reach_is_refused(text: str) -> None:
    """And the field is named."""
    with pytest.raises(EmailError) as refused:
        checked_email(text)

    assert refused.value.facts["field"] == "email"


@given(st.text(max_size=80))
def test_an_address_has_one_at_and_no_line_ends(text: str) -> None:
    """Whatever is written is refused, or is safe in a header."""
    try:
        address = checked_email(text)
    except EmailError:
        return
    assert address == "" or (address.count("@") == 1 and not any(each.isspace() for each in address))


@given(st.emails())
def test_plain_addresses_pass(address: str) -> None:
    """Addresses of the standard's plain form: letters, digits and its usual signs."""
    name, _, domain = address.partition("@")
    if "." in domain and name.replace(".", "").replace("-", "").isalnum():
        assert checked_email(address) == address
