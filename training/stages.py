"""What a run keeps of each stage it has finished, so that whoever takes the run over goes on where it stopped.

A stage is a folder that appears by one rename, whole or not at all. Its name carries the hash of what it was made from: other data, another
seed or other code find nothing, and begin anew.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.registry.durable import settle_folder

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Stages:
    """The kept stages of one run of one task; without a folder nothing is kept and nothing is found."""

    folder: Path | None = None

    def find(self, name: str) -> Path | None:
        """The folder of a finished stage, or None."""
        place = None if self.folder is None else self.folder / name
        return place if place is not None and place.is_dir() else None

    def keep(self, name: str, write: Callable[[Path], object]) -> None:
        """Let `write` fill a new folder, then show it under its name; a stage that is there already stays as it is."""
        if self.folder is None or (self.folder / name).exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".", dir=self.folder))
        try:
            write(staging)
            staging.chmod(0o755)
            staging.rename(self.folder / name)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        settle_folder(self.folder)

    def drop(self, name: str) -> None:
        """Forget a stage, such as one that cannot be read."""
        if self.folder is not None:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def clear(self) -> None:
        """Forget everything: the run has ended, and what it made is published."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
