"""The two forms of a mail, plain text and HTML, from one content: no scripts, no pictures from elsewhere, styles inside. Pure.

What people wrote is escaped in HTML and stands as it is in text. Nothing in a mail tells us that it was opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babel.numbers import format_currency
from jinja2 import Environment, PackageLoader, StrictUndefined

from billing.kernel.cadence import zone_of
from billing.kernel.clock import parse_instant
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STYLES = {
    "page": "margin:0;padding:24px 12px;background:#f7f6f2;color:#1d2421;"
    "font:16px/1.55 system-ui,'Segoe UI',Roboto,'Liberation Sans',sans-serif",
    "card": "max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #dcdcd3;border-radius:12px",
    "title": "margin:0 0 12px;font-size:22px;line-height:1.25",
    "text": "margin:0 0 12px",
    "item": "padding:10px 0;border-top:1px solid #e6e6df;vertical-align:top",
    "price": "padding:10px 0;border-top:1px solid #e6e6df;vertical-align:top;text-align:right;white-space:nowrap",
    "why": "color:#59635f;font-size:14px",
    "offer": "margin:18px 0;padding:16px;background:#e3efe9;border-radius:8px",
    "foot": "max-width:600px;margin:14px auto 0;color:#59635f;font-size:13px",
    "link": "color:#14664f",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one mail says. `items` and `offer` are documents of `features.exports.content`; `zone` is the recipient's.

    `address` has the lines of the sender's postal address.
    """

    title: str
    name: str
    greeting: str
    closing: str
    items: Sequence[Mapping[str, str]]
    offer: Mapping[str, str] | None
    sender: str
    address: Sequence[str]
    purpose: str
    zone: str
    unsubscribe_url: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Both forms."""

    text: str
    html: str


def render_mail(content: Content) -> Rendered:
    """The mail's two forms."""
    values: dict[str, Any] = {name: getattr(content, name) for name in Content.__dataclass_fields__}
    values["styles"] = _STYLES
    return Rendered(
        _TEXT.get_template("letter.txt").render(values).strip() + "\n",
        _HTML.get_template("letter.html").render(values),
    )


def _price(document: Mapping[str, str]) -> str:
    """An item's or an offer's amount for people; empty where there is none."""
    if not document.get("amount"):
        return ""
    found = Money.of(document["amount"], document["currency"])
    return str(format_currency(found.to_decimal(), found.currency, locale="en"))


def _moment(instant: str, zone: str) -> str:
    """A day and time where the recipient lives, such as 31 Jan 2026, 09:00."""
    return parse_instant(instant).astimezone(zone_of(zone)).strftime("%d %b %Y, %H:%M").removeprefix("0")


def _paragraphs(text: str) -> list[str]:
    return [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]


def _made(*, is_html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.mail"),
        autoescape=is_html,  # noqa: S701 (plain text is not escaped; the HTML form is)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(price=_price, moment=_moment, paragraphs=_paragraphs)
    return environment


_HTML, _TEXT = _made(is_html=True), _made(is_html=False)
