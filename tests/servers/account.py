"""Under which system account a server of the tests runs, and in which folder.

PostgreSQL refuses to run as root. As root we therefore start servers as `nobody`, which every system has: no account is made, and no mode
bit outside the server's own folder is changed. Paths are kept short, because a socket's path may have about a hundred bytes.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LONGEST_FOLDER = 80
_SHORT = Path("/tmp")  # noqa: S108 (the socket's path must be short; mkdtemp below makes a private folder in it)


@dataclass(frozen=True, slots=True)
class Account:
    """A system account by its numbers."""

    uid: int
    gid: int


def unprivileged() -> Account | None:
    """The account to step down to, or None when the tests do not run as root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def new_folder(account: Account | None) -> Path:
    """A new, private, short folder that the account owns."""
    usual = Path(tempfile.gettempdir()).resolve()
    fits = len(str(usual)) <= _LONGEST_FOLDER - len("/upt-abcdefgh")
    parent = usual if fits and (account is None or reachable(usual)) else _SHORT
    folder = Path(tempfile.mkdtemp(prefix="upt-", dir=parent))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def reachable(path: Path) -> bool:
    """Whether any account may enter every folder from the root down to this path, and use what is there."""
    path = path.resolve()
    needed = stat.S_IXOTH if path.is_dir() else stat.S_IXOTH | stat.S_IROTH
    may_use = path.stat().st_mode & needed == needed
    return may_use and all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
