"""Run a command beside a PostgreSQL of its own, as a shop would run it: `python -m tests.servers.lend COMMAND ...`.

The command finds the server's URL in `UPTIER_DATABASE_URL`; the server and its data are gone when the command ends.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import postgres


def main(command: list[str]) -> int:
    """Lend a server to a command; the answer is the command's."""
    server = postgres.start(postgres.DURABLE)
    try:
        with server.fresh() as url:
            return subprocess.run(command, env={**os.environ, "UPTIER_DATABASE_URL": url}, check=False).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
