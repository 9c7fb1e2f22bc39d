"""Which addresses may be sent to: nothing of our own network, however it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.webhooks.address import AddressError, AddressRule, is_public, may_connect, parse_target

STRICT, LOOSE = AddressRule(), AddressRule(allow_http=True, allow_private=True)
PRIVATE = (
    "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1"
    " 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1"
    " ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 fc00::1 fd00:ec2::254"
    " fe80::1 fec0::1 ff02::1 ff0e::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1 5f00::1"
)
PUBLIC = "1.1.1.1 8.8.8.8 93.184.216.34 172.32.0.1 2606:4700::1111 2001:4860:4860::8888 ::ffff:8.8.8.8"


@pytest.mark.parametrize("text", PRIVATE.split())
def test_what_is_not_a_host_on_the_internet_is_refused(text: str) -> None:
    """Also where an IPv6 address embeds it; and when written into an address."""
    assert not is_public(ip_address(text))
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(AddressError):
        parse_target(f"https://{host}/hook", STRICT)


@pytest.mark.parametrize("text", PUBLIC.split())
def test_hosts_on_the_internet_are_not(text: str) -> None:
    """Literal addresses included."""
    assert is_public(ip_address(text))
    host = f"[{text}]" if ":" in text else text
    assert parse_target(f"https://{host}/hook", STRICT).host == text


@given(st.ip_addresses(v=4))
def test_an_address_that_is_embedded_is_judged_as_itself_or_refused(address: IPv4Address) -> None:
    """Mapped: as itself. Compatible, 6to4, and both prefixes of NAT64: never."""
    number = int(address)
    assert is_public(IPv6Address((0xFFFF << 32) | number)) == is_public(address)
    for prefix in (0, 0x64FF9B << 96, 0x64FF9B0001 << 80):
        assert not is_public(IPv6Address(prefix | number))
    assert not is_public(IPv6Address((0x2002 << 112) | number << 80))


@given(st.ip_addresses())
def test_what_is_public_is_global_and_unicast(address: IPv4Address | IPv6Address) -> None:
    """By the library's registry of special addresses as well; and development may connect wherever a server can be."""
    if is_public(address):
        assert address.is_global
        assert not any((address.is_multicast, address.is_private, address.is_loopback, address.is_link_local))
    assert may_connect(address, LOOSE) == (is_public(address) or not address.is_multicast)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "https:///path",
        "https://",
        "shop.example",
        "//shop.example",
        "https://user:secret@shop.example/",
        "https://user@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:22/",
        "https://shop.example:6379/",
        "https://shop.example:99999/",
        "https://shop..example/",
        "https://shop.example\\@127.0.0.1/",
        "https://shop%2eexample/",
        "https://shop.example/\r\nX: y",
        "https://shop.example/a b",
        "https://shop.example/\x00",
        "https://shop.example/\ud800",
        "https://shop.example/" + "a" * 2000,
    ],
)
def test_what_no_live_tenant_may_be_told_at(url: str) -> None:
    """Without encryption, with a name or a password, on ports of other services, or unreadable; the error does not repeat it."""
    with pytest.raises(AddressError) as caught:
        parse_target(url, STRICT)
    assert "secret" not in f"{caught.value.detail}{caught.value.facts}"


def test_an_address_is_taken_apart_once() -> None:
    """Names in their ASCII form, the path as it will be asked for, the port in the `Host` header where it is unusual."""
    found = parse_target("https://exämple.com:8443/hook%20s?key=ü", STRICT)
    assert (found.scheme, found.host, found.port) == ("https", "xn--exmple-cua.com", 8443)
    assert (found.path, found.authority) == ("/hook%20s?key=%C3%BC", "xn--exmple-cua.com:8443")
    assert parse_target("https://[2606:4700::1111]/", STRICT).authority == "[2606:4700::1111]"
    assert parse_target("http://127.0.0.1:5000/x", LOOSE).authority == "127.0.0.1:5000"
