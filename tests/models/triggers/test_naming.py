"""Whole words in any language."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.triggers.facts import Function
from models.triggers.naming import LONGEST_TEXT, named_in


def _found(text: str, *words: str, names: tuple[str, ...] = ()) -> bool:
    return bool(named_in(text, [Function(kind="feature", key="f", words=words, names=names)]))


@pytest.mark.parametrize(
    ("text", "word", "found"),
    [
        ("Where is the EXPORT?", "Export", True),
        ("we exported it", "Export", False),
        ("re-export", "Export", True),
        ("api-access", "API access", True),
        ("access to the api", "API access", False),
        ("Grüße an die STRASSE", "Straße", True),
        ("où est l'aperçu ?", "Aperçu", True),
        ("où est l'aperc\u0327u ?", "Aperçu", True),
        ("Где экспорт данных?", "Экспорт", True),
        ("экспорты", "Экспорт", False),
        ("أين التصدير؟", "التصدير", True),
        ("请问有没有数据导出功能", "导出", True),
        ("エクスポート機能が欲しい", "エクスポート", True),
        ("ส่งออกข้อมูลได้ไหม", "ส่งออก", True),
        ("I want it all", "it", False),
        ("导", "导", False),
        ("single_sign_on please", "single sign on", True),
        ("", "Export", False),
    ],
)
def test_known_answers(text: str, word: str, *, found: bool) -> None:
    """Case, width, accents and scripts do not matter; the edges of words do, where a script has them."""
    assert _found(text, word) is found


def test_a_proper_name_counts_as_it_is_written() -> None:
    """`pro` is a preposition in German; `Pro` is a plan."""
    assert not _found("9 Euro pro Monat", names=("Pro",))
    assert _found("What does Pro cost?", names=("Pro",))


@given(text=st.text(max_size=200), word=st.text(min_size=1, max_size=20))
def test_any_text_can_be_searched_for_any_word(text: str, word: str) -> None:
    """Nothing raises, and a word of letters that stands between spaces is found, whatever stands around it."""
    assert _found(f"{text} export {text}", "Export")
    _found(text, word)


def test_a_text_is_read_to_its_bound_in_a_short_time() -> None:
    """A megabyte against 500 names: what lies beyond the bound is not read."""
    sold = [Function(kind="feature", key=f"f{n}", words=(f"a a a a word{n}",)) for n in range(500)]
    began = time.process_time()

    assert not named_in("a " * (LONGEST_TEXT // 2) + "a a a a word1 " * 70_000, sold)

    assert time.process_time() - began < 2
