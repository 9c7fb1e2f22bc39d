"""Nothing that is published holds a secret, a path of one machine, or the host of a package index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.architecture import clean_text

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN = [
    ("notes.md", "-----BEGIN RSA " + "PRIVATE KEY-----"),
    ("notes.md", "AKIA" + "ABCDEFGHIJKLMNOP"),
    ("settings.py", "key = 'upt_sk_" + "a1B2c3D4e5F6g7H8i9J0k1L2'"),
    ("Makefile", "DATA = /" + "home/someone/data"),
    ("README.md", "see `/" + "tmp/report.txt`"),
    ("requirements/run.txt", "--index-url " + "simple"),
    ("requirements/run.txt", "wheel @ https:" + "//index.example/wheel"),
]
HARMLESS = [
    ("README.md", "curl https://example.com/home/page"),
    ("README.md", "the key begins with upt_sk_..."),
    ("widget.js", "fetch(`${base}/tmp/x`)"),
    ("openapi.json", '"/v1/work/items"'),
    ("requirements/run.txt", "sqlalchemy==2.1.0 --hash=sha256:abc"),
    ("test_keys.py", "AKIA" + "ABCDEFGHIJKLMNOP  # an example of the vendor's (clean-text: allow)"),
]


@pytest.mark.parametrize(("path", "text"), FORBIDDEN)
def test_what_may_not_be_published_is_found(path: str, text: str) -> None:
    """One finding, with the line it is on."""
    assert [found.line for found in clean_text.breaches(path, f"\n{text}\n")] == [2]


@pytest.mark.parametrize(("path", "text"), HARMLESS)
def test_harmless_text_passes(path: str, text: str) -> None:
    """Addresses, beginnings of keys and lines with a reason are no breach."""
    assert clean_text.breaches(path, text) == []


def test_environments_and_caches_are_not_read(tmp_path: Path) -> None:
    """Only what could be committed is looked at."""
    for name in (".venv", "artifacts", "billing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.md").write_text("AKIA" + "ABCDEFGHIJKLMNOP\n")

    assert [found.path for found in clean_text.findings(tmp_path)] == ["billing/notes.md"]


def test_the_repository_is_clean() -> None:
    """No file of ours holds such a text."""
    assert list(map(str, clean_text.findings())) == []
