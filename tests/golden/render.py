"""A document as plain text of a fixed width, to be kept beside the tests and read by eye; and the comparison with what was kept.

`UPTIER_GOLDEN=write` writes what a document says now, for the next diff to be read; without it a difference fails with that diff.
"""

from __future__ import annotations

import difflib
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from billing.documents import formats
from billing.documents.pdf.ending import payment_facts
from billing.documents.pdf.head import address_lines
from billing.documents.stages import Weight, explanations, headline, stages
from billing.documents.words import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.page import DocumentLine, InvoiceDocument, Party

FOLDER = Path(__file__).parent / "invoices"
WIDTH = 96
_TEXT, _QUANTITY, _PRICE, _TAX, _AMOUNT = 44, 12, 14, 8, 18
_INDENT = "  "


def text_of(document: InvoiceDocument) -> str:
    """The document as text: no line is wider than WIDTH or ends with a space, unless one word or figure is wider than its column."""
    return "\n".join(line.rstrip().replace("\u00a0", " ").replace("\u202f", " ") for line in _page(document)) + "\n"


def check_golden(name: str, document: InvoiceDocument) -> None:
    """Fail where the document is not what was kept under this name; write it where that was asked for."""
    file, found = FOLDER / f"{name}.txt", text_of(document)
    if os.environ.get("UPTIER_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
        return
    kept = file.read_text(encoding="utf-8") if file.exists() else ""
    if found != kept:
        diff = difflib.unified_diff(
            kept.splitlines(), found.splitlines(), f"{name} as kept", f"{name} now", lineterm=""
        )
        raise AssertionError("\n".join(["the invoice changed (UPTIER_GOLDEN=write keeps the new one):", *diff]))


def _page(document: InvoiceDocument) -> Iterator[str]:
    language = document.language
    title = f"{word(document.kind.value, language)} {document.number}".rstrip().upper()
    mark = document.standing.value if document.standing.value in {"draft", "void"} else ""
    yield _ends(title, f"[{word(mark, language).upper()}]" if mark else "")
    yield "=" * WIDTH
    yield from _facts(document)
    yield ""
    yield from _beside(_party(document.seller, "seller", language), _party(document.buyer, "buyer", language))
    yield ""
    yield from (text for text in headline(document) if text)
    yield ""
    names = [word(key, language) for key in ("description", "quantity", "unit_price", "tax_column", "amount")]
    yield _columns(*names)
    yield "-" * WIDTH
    for line in document.lines:
        yield from _line(line, document)
    yield "-" * WIDTH
    for stage in stages(document):
        words = stage.words.upper() if stage.weight is Weight.ANSWER else stage.words
        yield _ends(" " * (WIDTH // 2) + words, stage.amount)
    for label, value in payment_facts(document):
        yield f"{label}: {value}"
    for sentence in explanations(document):
        yield from ["", *textwrap.wrap(sentence, WIDTH)]


def _facts(document: InvoiceDocument) -> Iterator[str]:
    language = document.language
    yield f"{word('issued_on', language)}: {formats.day(document.issued_on, language)}"
    if document.due_on is not None:
        yield f"{word('due_on', language)}: {formats.day(document.due_on, language)}"
    if document.span is not None:
        yield f"{word('span', language)}: {formats.span(document.span, language)}"
    if document.preceding is not None:
        number, day = document.preceding
        yield f"{word('preceding', language)}: {number}, {formats.day(day, language)}"


def _party(party: Party, role: str, language: str) -> list[str]:
    ids = [
        f"{word(key, language)} {value}"
        for key, value in (("vat_id", party.vat_id), ("registration", party.registration))
        if value
    ]
    email = [party.email] if party.email else []
    return [word(role, language), party.name, *address_lines(party, language), *email, *ids]


def _line(line: DocumentLine, document: InvoiceDocument) -> Iterator[str]:
    language = document.language
    first, *more = textwrap.wrap(line.description, _TEXT - 1) or [""]
    yield _columns(
        first,
        "" if line.quantity is None else formats.quantity(line.quantity, language),
        "" if line.unit_price is None else formats.price(line.unit_price, document.currency, language),
        " + ".join(formats.percent(mark.percent, language) for mark in line.taxes),
        formats.amount(line.amount, language),
    )
    yield from more
    if line.span is not None:
        yield _INDENT + formats.span(line.span, language)
    for detail in line.detail:
        yield from textwrap.wrap(detail, WIDTH - 4, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
    for reduction in line.reductions:
        yield f"{_INDENT}{reduction.text}: {formats.amount(-reduction.amount, language)}"


def _columns(text: str, quantity: str, price: str, tax: str, amount: str) -> str:
    return f"{text:<{_TEXT}}{quantity:>{_QUANTITY}}{price:>{_PRICE}}{tax:>{_TAX}}{amount:>{_AMOUNT}}"


def _ends(left: str, right: str) -> str:
    return f"{left}{right:>{max(WIDTH - len(left), 1)}}"


def _beside(left: list[str], right: list[str]) -> Iterator[str]:
    for place in range(max(len(left), len(right))):
        one = left[place] if place < len(left) else ""
        other = right[place] if place < len(right) else ""
        yield f"{one:<{WIDTH // 2}}{other}"
