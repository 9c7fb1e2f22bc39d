"""What stands below the lines: the stages to what is due, why nothing was taxed, how to pay, and the foot of each page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.documents import formats
from billing.documents.page import DocumentKind, Standing
from billing.documents.pdf.sheet import set_prose, set_quiet
from billing.documents.pdf.style import BODY, BOTTOM, GREY, INK, MARGIN, RIGHT, RULE, SMALL
from billing.documents.stages import Weight, explanations, stages
from billing.documents.words import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.page import InvoiceDocument
    from billing.documents.pdf.sheet import Prose, Sheet
    from billing.documents.typeface import Typeface

_WIDTH = 236
_AMOUNT = 104
_ROW_PAD = 6
_BESIDE = 18
_LABEL = 80
_PARAGRAPH_GAP = 5


@dataclass(frozen=True, slots=True)
class SetStage:
    """A stage set to its width."""

    words: Prose
    amount: str
    weight: Weight

    @property
    def height(self) -> int:
        """The words and the white around them."""
        return self.words.height + _ROW_PAD


def set_stages(document: InvoiceDocument, face: Typeface) -> list[SetStage]:
    """The stages, measured."""
    return [
        SetStage(
            set_prose(
                face,
                stage.words,
                _WIDTH - _AMOUNT,
                bold=stage.weight is not Weight.STEP,
                color=GREY if stage.weight is Weight.STEP else INK,
            ),
            stage.amount,
            stage.weight,
        )
        for stage in stages(document)
    ]


def draw_stages(sheet: Sheet, rows: list[SetStage], top: int) -> int:
    """The stages at the right edge; the answer is where they end."""
    y, left = top, RIGHT - _WIDTH
    for place, row in enumerate(rows):
        if place and row.weight is not Weight.STEP:
            sheet.rule(left, RIGHT, y, color=RULE)
        is_loud = row.weight is not Weight.STEP
        sheet.prose(left, y - _ROW_PAD // 2, row.words)
        sheet.text_right(RIGHT, y - _ROW_PAD // 2 - 9, row.amount, bold=is_loud)
        y -= row.height
    return y


def set_remarks(document: InvoiceDocument, face: Typeface) -> list[Prose]:
    """The sentences below the stages, in pieces that fit any page."""
    texts = [set_quiet(face, text, BODY) for text in explanations(document)]
    return [piece for text in texts for piece in text.parted(260)]


def draw_remarks(sheet: Sheet, remarks: list[Prose], top: int) -> int:
    """The sentences, one below the other."""
    for remark in remarks:
        top = sheet.prose(MARGIN, top, remark) - _PARAGRAPH_GAP
    return top


def remarks_height(remarks: list[Prose]) -> int:
    """What they take."""
    return sum(remark.height + _PARAGRAPH_GAP for remark in remarks)


def payment_facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    """How to pay by bank transfer, as labels and values; none where nothing is asked for or no account is known."""
    account, language = document.seller.account, document.language
    asks = document.standing is Standing.OPEN and document.kind is DocumentKind.INVOICE and document.due.amount_minor
    if account is None or not asks:
        return []
    known = [
        (word("holder", language), document.seller.name),
        ("IBAN", formats.iban(account.iban)),
        ("BIC", account.bic),
        (word("reference", language), document.number),
    ]
    return [(label, value) for label, value in known if value]


def set_payment(document: InvoiceDocument, face: Typeface) -> list[tuple[str, Prose]]:
    """How to pay, set to the room at the left of the stages."""
    width = BODY - _WIDTH - _BESIDE - _LABEL
    return [(label, set_prose(face, value, width, size=SMALL)) for label, value in payment_facts(document)]


def payment_height(facts: list[tuple[str, Prose]]) -> int:
    """What the way to pay takes."""
    return 22 + sum(value.height + 1 for _, value in facts) if facts else 0


def draw_payment(sheet: Sheet, document: InvoiceDocument, facts: list[tuple[str, Prose]], top: int) -> int:
    """The way to pay, at the left edge; the answer is where it ends."""
    if not facts:
        return top
    sheet.text(MARGIN, top - _ROW_PAD // 2 - 9, word("pay_by_transfer", document.language), bold=True)
    y = top - 22
    for label, value in facts:
        sheet.text(MARGIN, y - 8, label, size=SMALL, color=GREY)
        y = sheet.prose(MARGIN + _LABEL, y, value) - 1
    return y


def draw_foot(sheet: Sheet, document: InvoiceDocument, page: int, pages: int) -> None:
    """The foot of a page: who sells, and which page of how many it is."""
    y = BOTTOM - 24
    sheet.rule(MARGIN, RIGHT, y + 14)
    counted = word("page", document.language, page=str(page), pages=str(pages))
    sheet.text_right(RIGHT, y, counted, size=SMALL, color=GREY)
    room = BODY - sheet.face.width(counted, SMALL) - 20
    sheet.text(MARGIN, y, _shortened(sheet, " · ".join(_imprint(document)), room), size=SMALL, color=GREY)


def _imprint(document: InvoiceDocument) -> Iterator[str]:
    seller, language = document.seller, document.language
    yield seller.name
    if seller.registration:
        yield f"{word('registration', language)} {seller.registration}"
    if seller.vat_id:
        yield f"{word('vat_id', language)} {seller.vat_id}"
    if seller.email:
        yield seller.email


def _shortened(sheet: Sheet, text: str, room: int) -> str:
    if sheet.face.width(text, SMALL) <= room:
        return text
    while text and sheet.face.width(f"{text}…", SMALL) > room:
        text = text[:-1]
    return f"{text.rstrip(' ·')}…"
