"""A drawn PDF made fit for archives (PDF/A-3b, ISO 19005-3), with the e-invoice inside where there is one (Factur-X 1.0).

It gets XMP metadata that agree with its information, an sRGB output intent, its language, a stable id and its files in two places (names
and associated files), as the standard asks. The days in it are the document's, so the same document is the same file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

from facturx.facturx import generate_xmp_object
from lxml import etree
from PIL.ImageCms import ImageCmsProfile, createProfile
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    ByteStringObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from billing.documents.einvoice.factur_x import FILE_NAME

if TYPE_CHECKING:
    from datetime import date

    from pypdf.generic import PdfObject

_PRODUCER: Final = "Uptier"
_FACTUR_X: Final = {
    "documenttype": "INVOICE",
    "xml_filename": FILE_NAME,
    "xmp_level": "EN 16931",
    "version": "1.0",
    "urn": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
}
_ICC_DATE = slice(24, 36)  # ICC.1, 7.2.1: when the profile was made, which would be now
_ICC_FIXED: Final = bytes((0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # 2000-01-01


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a file says of itself."""

    title: str
    author: str
    subject: str
    language: str
    dated: date


def archived(drawn: bytes, envelope: Envelope, xml: bytes | None = None) -> bytes:
    """The drawn PDF as PDF/A-3b, `xml` attached as the alternative form of the same invoice."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(drawn)))
    writer.pdf_header = "%PDF-1.7"
    for page in writer.pages:
        page.pop("/Trans", None)  # an empty transition between pages, which nobody asked for
    root = writer.root_object
    root[NameObject("/Lang")] = TextStringObject(envelope.language)
    root[NameObject("/OutputIntents")] = ArrayObject([_output_intent(writer)])
    root[NameObject("/Metadata")] = _added(writer, _stream(_xmp(envelope, xml), "/Metadata", "/XML"))
    root[NameObject("/ViewerPreferences")] = _dictionary(DisplayDocTitle=BooleanObject(True))
    if xml is not None:
        _attach(writer, xml, envelope)
    writer.metadata = None
    writer.add_metadata(_information(envelope))
    fingerprint = ByteStringObject(hashlib.md5(drawn + (xml or b""), usedforsecurity=False).digest())
    writer._ID = ArrayObject([fingerprint, fingerprint])  # noqa: SLF001 (pypdf has no public way to set the id of a file)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def _information(envelope: Envelope) -> dict[str, str]:
    stamp = f"D:{envelope.dated:%Y%m%d}000000+00'00'"
    return {
        "/Title": envelope.title,
        "/Author": envelope.author,
        "/Subject": envelope.subject,
        "/Creator": _PRODUCER,
        "/Producer": _PRODUCER,
        "/CreationDate": stamp,
        "/ModDate": stamp,
    }


def _xmp(envelope: Envelope, xml: bytes | None) -> bytes:
    described = generate_xmp_object(
        {
            "pdfa3_flavor": "B",
            "title": envelope.title,
            "author": envelope.author,
            "subject": envelope.subject,
            "producer": _PRODUCER,
            "creator_tool": _PRODUCER,
            "timestamp": f"{envelope.dated:%Y-%m-%d}T00:00:00+00:00",
            **({} if xml is None else _FACTUR_X),
        }
    )
    head, tail = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', b'\n<?xpacket end="w"?>'
    return head + bytes(etree.tostring(described, encoding="UTF-8", pretty_print=True)) + tail


def _output_intent(writer: PdfWriter) -> PdfObject:
    profile = _stream(_srgb(), None, None)
    profile[NameObject("/N")] = NumberObject(3)
    return _added(
        writer,
        _dictionary(
            Type=NameObject("/OutputIntent"),
            S=NameObject("/GTS_PDFA1"),
            OutputConditionIdentifier=TextStringObject("sRGB IEC61966-2.1"),
            Info=TextStringObject("sRGB IEC61966-2.1"),
            DestOutputProfile=_added(writer, profile.flate_encode()),
        ),
    )


@lru_cache
def _srgb() -> bytes:
    """The sRGB profile, with a fixed day of making."""
    profile = bytearray(ImageCmsProfile(createProfile("sRGB")).tobytes())
    profile[_ICC_DATE] = _ICC_FIXED
    return bytes(profile)


def _attach(writer: PdfWriter, xml: bytes, envelope: Envelope) -> None:
    file = _stream(xml, "/EmbeddedFile", "/text/xml")
    file[NameObject("/Params")] = _dictionary(
        ModDate=TextStringObject(f"D:{envelope.dated:%Y%m%d}000000+00'00'"),
        Size=NumberObject(len(xml)),
        CheckSum=ByteStringObject(hashlib.md5(xml, usedforsecurity=False).digest()),
    )
    kept = _added(writer, file.flate_encode())
    name = TextStringObject(FILE_NAME)
    specification = _added(
        writer,
        _dictionary(
            Type=NameObject("/Filespec"),
            F=name,
            UF=name,
            Desc=TextStringObject("Factur-X invoice"),
            AFRelationship=NameObject("/Alternative"),
            EF=_dictionary(F=kept, UF=kept),
        ),
    )
    root = writer.root_object
    root[NameObject("/AF")] = ArrayObject([specification])
    root[NameObject("/Names")] = _dictionary(EmbeddedFiles=_dictionary(Names=ArrayObject([name, specification])))


def _stream(content: bytes, kind: str | None, subtype: str | None) -> DecodedStreamObject:
    stream = DecodedStreamObject()
    stream.set_data(content)
    for key, value in (("/Type", kind), ("/Subtype", subtype)):
        if value is not None:
            stream[NameObject(key)] = NameObject(value)
    return stream


def _dictionary(**entries: PdfObject) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{key}"): value for key, value in entries.items()})


def _added(writer: PdfWriter, value: PdfObject) -> PdfObject:
    return writer._add_object(value)  # noqa: SLF001 (pypdf's documented extension point has no public name)
