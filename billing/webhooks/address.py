"""Which addresses may be sent to: public ones, on the usual ports, without credentials. Pure; names are resolved by who connects.

An endpoint's address is chosen by a tenant and requested from inside our network, so it must not lead back there (server-side request
forgery). Whatever the text says, the rule holds for each address that the name resolves to at the moment of sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from billing.kernel.storable import is_storable
from billing.webhooks.endpoint import EndpointError

MAX_URL = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PUBLIC_PORTS = frozenset({80, 443, 8080, 8443})
_UNICAST = IPv6Network("2000::/3")
_TUNNELS = (IPv6Network("2001::/23"), IPv6Network("2002::/16"), IPv6Network("3fff::/20"))


class AddressError(EndpointError):
    """The address is not one that may be sent to."""

    code = "webhook_address_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRule:
    """How strict to be: a live tenant's facts travel encrypted; private addresses are for development on one machine."""

    allow_http: bool = False
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address taken apart once, so that what is checked is what is connected to. `host` is ASCII, without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str, rule: AddressRule) -> Target:
    """An address that may be tried. Raises AddressError with the reason, without repeating the address."""
    parsed = _parsed(url)
    schemes = ("https", "http") if rule.allow_http else ("https",)
    if parsed.scheme not in schemes:
        raise AddressError(f"an endpoint's address begins with {' or '.join(schemes)}", field="url")
    if parsed.userinfo:
        raise AddressError("an endpoint's address carries no user name or password", field="url")
    if parsed.fragment:
        raise AddressError("an endpoint's address has no fragment", field="url")
    host = parsed.raw_host.decode("ascii")
    port = parsed.port or _DEFAULT_PORTS[parsed.scheme]
    if not (rule.allow_private or port in _PUBLIC_PORTS):
        raise AddressError(f"an endpoint listens on one of {sorted(_PUBLIC_PORTS)}", field="url", port=port)
    literal = _literal(host)
    if literal is None and not _is_name(host):
        raise AddressError("an endpoint's address names a host", field="url")
    if literal is not None and not may_connect(literal, rule):
        raise AddressError("an endpoint's address is a public one", field="url")
    return Target(scheme=parsed.scheme, host=host, port=port, path=parsed.raw_path.decode("ascii"))


def may_connect(address: IPv4Address | IPv6Address, rule: AddressRule) -> bool:
    """Whether a resolved address may be connected to."""
    return is_public(address) or (rule.allow_private and not address.is_multicast)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is a host on the public internet, seen through what embeds an IPv4 address.

    >>> [is_public(ip_address(text)) for text in ("8.8.8.8", "169.254.169.254", "::ffff:10.0.0.1", "2606:4700::1")]
    [True, False, False, True]
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    return address in _UNICAST and address.is_global and not any(address in tunnel for tunnel in _TUNNELS)


def _parsed(url: str) -> httpx.URL:
    if len(url) > MAX_URL or not is_storable(url) or any(character.isspace() for character in url):
        raise AddressError(f"an address has at most {MAX_URL} characters and no spaces", field="url")
    try:
        parsed = httpx.URL(url)
        parsed.port, parsed.raw_host  # noqa: B018 (both are read when asked for, and may not be readable)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise AddressError("the address cannot be read", field="url") from None
    return parsed


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return len(host) <= 253 and all(
        0 < len(label) <= 63 and all(character.isalnum() or character in "-_" for character in label)
        for label in labels
    )
