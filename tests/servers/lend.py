"""Run a command beside a PostgreSQL of its own, as a shop would run it: `python -m tests.servers.lend [--redis] COMMAND ...`.

The command finds the server's URL in `UPTIER_DATABASE_URL`, and with `--redis` that of a Redis of its own in `UPTIER_REDIS_URL`; the
servers and their data are gone when the command ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

from tests.servers import postgres, redis_server


def main(command: list[str]) -> int:
    """Lend servers to a command; the answer is the command's."""
    with ExitStack() as servers:
        lent = {}
        if command[:1] == ["--redis"]:
            command = command[1:]
            redis = redis_server.start()
            servers.callback(redis.stop)
            lent["UPTIER_REDIS_URL"] = redis.url
        server = postgres.start(postgres.DURABLE)
        servers.callback(server.stop)
        lent["UPTIER_DATABASE_URL"] = servers.enter_context(server.fresh())
        return subprocess.run(command, env={**os.environ, **lent}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
