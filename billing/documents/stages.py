"""The foot of a document as rows of words and amounts, in the order of money: what it comes to, taxes, what has paid, what is due.

The PDF and the plain text both print these rows, so they cannot tell two stories.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.documents import formats
from billing.documents.page import DocumentKind, Means, Standing
from billing.documents.words import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.documents.page import InvoiceDocument, Settlement, TaxMark, TaxTotal


class Weight(Enum):
    """How loud a row is: a step on the way, a sum, or the figure that the reader came for."""

    STEP = "step"
    SUM = "sum"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Stage:
    """One row."""

    words: str
    amount: str
    weight: Weight = Weight.STEP


def stages(document: InvoiceDocument) -> list[Stage]:
    """The rows below the lines."""
    total = formats.amount(document.total, document.language)
    is_credit = document.kind is DocumentKind.CREDIT_NOTE
    found = list(_steps(document))
    found.append(
        _stage(document, "amount_credited", total, Weight.ANSWER)
        if is_credit
        else _stage(document, "total", total, Weight.SUM)
    )
    if document.inclusive:
        found += [_tax(document, row) for row in document.taxes if row.mark.percent]
    if document.standing is Standing.VOID:
        return found
    found += [_settled(document, settlement) for settlement in document.settlements]
    if not is_credit:
        found.append(_stage(document, "amount_due", formats.amount(document.due, document.language), Weight.ANSWER))
    return found


def headline(document: InvoiceDocument) -> tuple[str, str]:
    """The sentence that a reader came for, and a quieter one below it, which may be empty."""
    language, total = document.language, formats.amount(document.total, document.language)
    if document.standing is Standing.DRAFT:
        return total, word("drafted", language)
    if document.standing is Standing.VOID:
        return total, word("voided", language)
    if document.kind is DocumentKind.CREDIT_NOTE:
        return word("credited", language, amount=total), ""
    if document.standing is Standing.PAID:
        paid = document.paid_on
        return total, "" if paid is None else word("paid_on", language, day=formats.day(paid, language))
    return _asked(document), ""


def _asked(document: InvoiceDocument) -> str:
    language, due = document.language, formats.amount(document.due, document.language)
    if not document.due.amount_minor:
        return word("nothing_due", language)
    if document.due_on is None:
        return word("due_now", language, amount=due)
    return word("due_by", language, amount=due, day=formats.day(document.due_on, language))


def explanations(document: InvoiceDocument) -> list[str]:
    """The sentences below the stages: why nothing was taxed, each once, then the seller's notes."""
    found = [mark.reason or word(mark.category.value, document.language) for mark in document.reasons]
    return list(dict.fromkeys([*found, *document.notes]))


def _steps(document: InvoiceDocument) -> Iterator[Stage]:
    language = document.language
    has_taxes = any(total.mark.percent for total in document.taxes)
    if document.reductions:
        yield _stage(document, "subtotal", formats.amount(document.subtotal, language))
        for reduction in document.reductions:
            yield Stage(reduction.text, formats.amount(-reduction.amount, language))
    if has_taxes and not document.inclusive:
        yield _stage(document, "net", formats.amount(document.net, language))
        for total in document.taxes:
            if total.mark.percent:
                yield _tax(document, total)


def _tax(document: InvoiceDocument, total: TaxTotal) -> Stage:
    language = document.language
    filled = {"percent": formats.percent(total.mark.percent, language), "base": formats.amount(total.base, language)}
    return Stage(_tax_words(document, total.mark, filled), formats.amount(total.tax, language))


def _tax_words(document: InvoiceDocument, mark: TaxMark, filled: dict[str, str]) -> str:
    if mark.name:
        return word("tax_named", document.language, name=mark.name, **filled)
    return word("tax_within" if document.inclusive else "tax", document.language, **filled)


def _settled(document: InvoiceDocument, settlement: Settlement) -> Stage:
    is_debt = settlement.means is Means.CREDIT and settlement.amount.amount_minor < 0
    key = "carried" if is_debt else settlement.means.value
    return _stage(document, key, formats.amount(-settlement.amount, document.language))


def _stage(document: InvoiceDocument, key: str, amount: str, weight: Weight = Weight.STEP) -> Stage:
    return Stage(word(key, document.language), amount, weight)
