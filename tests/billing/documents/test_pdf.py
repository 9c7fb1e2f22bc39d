"""The PDF: what is said on it, that nothing is lost on the way to pages, that it is fit for archives, and always the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pytest
from facturx import get_xml_from_pdf
from pypdf import PdfReader

from billing.documents.file import pdf_of, xml_of
from billing.documents.page import Standing
from billing.documents.typeface import FontError, typeface
from billing.kernel.money import Money
from tests.billing.documents import samples
from tests.billing.documents.samples import credit_note, invoice, line

if TYPE_CHECKING:
    from billing.documents.page import InvoiceDocument


def _pages(document: InvoiceDocument) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf_of(document))).pages]


def test_the_page_says_what_a_reader_needs() -> None:
    """Who, what, how much, until when, and how to pay."""
    (page,) = _pages(samples.everything())

    for words in (
        "Invoice",
        "INV-000042",
        "€70.21 due by 14 Mar 2026",
        "Bean Street GmbH",
        "7 Rue des Lilas",
        "VAT ID DE136695976",
        "1,234,567",
        "€0.00002",
        "WELCOME: 10 % off",
        "VAT 19% on €73.26",
        "DE89 3704 0044 0532 0130 00",
        "Page 1 of 1",
    ):
        assert words in page, words


def test_a_draft_a_void_and_a_paid_invoice_can_be_told_apart() -> None:
    """A mark across the page, and a quiet line."""
    issued = samples.everything()
    (draft,) = _pages(replace(issued, standing=Standing.DRAFT, number=""))
    (void,) = _pages(replace(issued, standing=Standing.VOID, due=Money.zero("EUR")))
    (paid,) = _pages(
        replace(issued, standing=Standing.PAID, paid_on=date(2026, 3, 3), due=Money.zero("EUR"), due_on=None)
    )

    assert "DRAFT" in draft
    assert "INV-000042" not in draft
    assert "VOID" in void
    assert "nothing is to be paid" in void
    assert "Paid on 3 Mar 2026" in paid
    assert "bank transfer" in _pages(issued)[0]
    assert "bank transfer" not in draft + void + paid


def test_a_credit_note_names_the_invoice_it_corrects() -> None:
    """And asks for nothing."""
    (page,) = _pages(credit_note(line("Plus membership", "9.50")))

    assert "Credit note CN-000003" in page.replace("Bean Street GmbH Number ", "")
    assert "INV-000042 of 28 Feb 2026" in page
    assert "€11.31 credited to you" in page
    assert "Amount due" not in page


def test_a_long_invoice_loses_no_line_and_repeats_its_head() -> None:
    """Two hundred lines, their head on every page, and the total not alone on the last."""
    long = invoice(*[line(f"Line number {place:03d}", f"{place}.00") for place in range(1, 201)])

    pages = _pages(long)

    whole = " ".join(pages)
    assert all(whole.count(f"Line number {place:03d}") == 1 for place in range(1, 201))
    assert all("Description" in page and f"Page {place} of {len(pages)}" in page for place, page in enumerate(pages, 1))
    assert "Line number 200" in pages[-1]
    assert "Amount due" in pages[-1]


@pytest.mark.parametrize("count", range(1, 30))
def test_the_total_never_stands_on_a_page_without_lines(count: int) -> None:
    """Whatever number of lines fills the page before."""
    pages = _pages(invoice(*[line(f"Line number {place}", "1.00", span=samples.FEBRUARY) for place in range(count)]))

    assert f"Line number {count - 1}" in pages[-1]
    assert "Amount due" in pages[-1]


def test_a_line_longer_than_a_page_goes_on_on_the_next() -> None:
    """Nothing is cut off, not even a word without an end."""
    words = " ".join(f"word{place}" for place in range(2000))
    pages = _pages(invoice(line(words, "1.00", detail=("x" * 4000,)), line("After it", "2.00")))

    whole = "".join(pages).replace(" ", "")
    assert all(f"word{place}" in whole for place in (0, 999, 1999))
    assert whole.count("x") >= 4000
    assert "After it" in pages[-1]


@pytest.mark.parametrize(
    ("currency", "amount", "shown"), [("JPY", "1234567", "¥1,234,567"), ("KWD", "1234.567", "KWD 1,234.567")]
)
def test_amounts_have_the_digits_of_their_currency(currency: str, amount: str, shown: str) -> None:
    """None for yen, three for dinars, which no e-invoice can have."""
    assert shown in _pages(invoice(line("Plus", amount, currency=currency, mark=None)))[0]


def test_the_same_document_is_the_same_file() -> None:
    """Byte for byte, also after others were made in between."""
    first = pdf_of(samples.everything())
    pdf_of(credit_note(line("Ελληνικά и Кириллица", "9.50"), language="fr"))

    assert pdf_of(samples.everything()) == first


def test_the_e_invoice_is_inside_where_there_is_one() -> None:
    """The very file that is handed out alone; none in a currency that no e-invoice can have."""
    document = samples.everything()
    dinars = pdf_of(invoice(line("Plus", "1.234", currency="KWD", mark=None)))

    assert get_xml_from_pdf(pdf_of(document))[1] == xml_of(document)
    root: Any = PdfReader(BytesIO(dinars)).trailer["/Root"]
    assert "/AF" not in root


def test_the_file_has_what_an_archive_asks_for() -> None:
    """PDF/A-3b: fonts embedded, an output intent, metadata that agree, an id, no transparency, no scripts."""
    reader = PdfReader(BytesIO(pdf_of(replace(samples.everything(), language="de", standing=Standing.VOID))))
    root: Any = reader.trailer["/Root"]
    metadata = reader.xmp_metadata
    xmp = root["/Metadata"].get_data().decode()

    assert root["/Lang"] == "de"
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in xmp
    assert metadata is not None
    assert metadata.dc_title == {"x-default": "Rechnung INV-000042"}
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == ("Rechnung INV-000042", "Bean Street GmbH")
    assert str(reader.metadata["/CreationDate"]) == "D:20260228000000+00'00'"
    assert "/ID" in reader.trailer
    assert not {"/JavaScript", "/OpenAction", "/AA"} & set(root)
    for page in reader.pages:
        resources: Any = page["/Resources"]
        assert "/ExtGState" not in resources
        assert all("/FontFile2" in font["/FontDescriptor"] for font in resources["/Font"].values())


def test_the_fonts_have_latin_greek_and_cyrillic_and_show_a_box_for_the_rest() -> None:
    """Never a missing character without a sign of it."""
    (page,) = _pages(invoice(line("Žluťoučký Ελληνικά Кириллица 日本", "1.00")))

    assert "Žluťoučký Ελληνικά Кириллица □□" in page


def test_a_fallback_that_is_no_font_is_refused(tmp_path: Path) -> None:
    """With its name."""
    file = tmp_path / "broken.ttf"
    file.write_bytes(b"not a font")

    with pytest.raises(FontError, match=r"broken\.ttf"):
        typeface((file,))


def test_text_that_looks_like_markup_is_text() -> None:
    """Names and descriptions come from people."""
    (page,) = _pages(invoice(line('<b>Beans</b> & <img src="x"/>', "1.00")))

    assert '<b>Beans</b> & <img src="x"/>' in page


def test_a_fallback_shows_what_the_shipped_fonts_lack() -> None:
    """A font that has the Hebrew alphabet, beside the shipped ones in one line."""
    pictured = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    document = invoice(line("Beans ש", "1.00"))

    page = PdfReader(BytesIO(pdf_of(document, (pictured,)))).pages[0].extract_text()

    assert "ש" in page
    assert "□" not in page
