"""Archives are written whole, once, and refused when damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.recommender.archive import (
    ArchiveDamagedError,
    ArchiveExistsError,
    ArchiveMissingError,
    read_archive,
    write_archive,
)

if TYPE_CHECKING:
    from pathlib import Path

_ARRAYS = {"names": np.array(["tea", "Käse"]), "weights": np.arange(6.0).reshape(2, 3)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Arrays and document come back, with the hash that writing returned."""
    digest = write_archive(tmp_path / "v1", kind="test", arrays=_ARRAYS, document={"a": 1})
    arrays, document, found = read_archive(tmp_path / "v1", kind="test")

    assert found == digest
    assert document == {"a": 1}
    np.testing.assert_array_equal(arrays["names"], _ARRAYS["names"])
    np.testing.assert_array_equal(arrays["weights"], _ARRAYS["weights"])


def test_the_same_content_has_the_same_hash(tmp_path: Path) -> None:
    """The hash names the content, not the time it was written."""
    digests = {write_archive(tmp_path / name, kind="test", arrays=_ARRAYS, document={}) for name in ("a", "b")}

    assert len(digests) == 1


def test_an_archive_is_never_overwritten(tmp_path: Path) -> None:
    """A second write to the same folder is refused and leaves the first, and no litter."""
    write_archive(tmp_path / "v1", kind="test", arrays=_ARRAYS, document={"a": 1})
    with pytest.raises(ArchiveExistsError):
        write_archive(tmp_path / "v1", kind="test", arrays=_ARRAYS, document={"a": 2})

    assert read_archive(tmp_path / "v1", kind="test")[1] == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


@pytest.mark.parametrize("file", ["arrays.npz", "document.json"])
def test_a_damaged_archive_is_refused(tmp_path: Path, file: str) -> None:
    """One flipped byte is enough."""
    write_archive(tmp_path / "v1", kind="test", arrays=_ARRAYS, document={"note": "some text to damage"})
    path = tmp_path / "v1" / file
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))

    with pytest.raises(ArchiveDamagedError):
        read_archive(tmp_path / "v1", kind="test")


def test_another_kind_or_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A bundle snapshot is no recommender."""
    write_archive(tmp_path / "v1", kind="test", arrays=_ARRAYS, document={})

    with pytest.raises(ArchiveDamagedError, match="not a recommender"):
        read_archive(tmp_path / "v1", kind="recommender")
    with pytest.raises(ArchiveMissingError):
        read_archive(tmp_path / "none", kind="test")
