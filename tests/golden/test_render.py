"""The plain text of a document, and that a kept one notices a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from billing.documents.page import Standing
from tests.billing.documents import samples
from tests.golden.render import WIDTH, check_golden, text_of


def test_the_sample_documents_read_as_they_were_kept() -> None:
    """One document with most of what there is, a credit note, and a draft in German."""
    draft = replace(samples.everything(), standing=Standing.DRAFT, number="", language="de")

    check_golden("sample_everything", samples.everything())
    check_golden("sample_credit_note", samples.credit_note(samples.line("Plus membership", "9.50", quantity=None)))
    check_golden("sample_draft_de", draft)


def test_a_document_that_changed_is_told_with_its_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cent more is seen."""
    monkeypatch.delenv("UPTIER_GOLDEN", raising=False)
    changed = samples.credit_note(samples.line("Plus membership", "9.51", quantity=None))

    with pytest.raises(AssertionError, match=r"(?s)-.*€9\.50.*\+.*€9\.51"):
        check_golden("sample_credit_note", changed)


def test_no_line_of_the_text_is_wider_than_its_page() -> None:
    """Long descriptions wrap."""
    long = samples.invoice(samples.line("A very long description of something " * 8, "9.50"))

    assert all(len(line) <= WIDTH for line in text_of(long).splitlines())
