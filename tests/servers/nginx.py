"""A real nginx with the example configuration, on a free port, in a folder of its own, as an ordinary user."""

from __future__ import annotations

import os
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import guarded
from tests.servers.account import new_folder, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXAMPLE = Path(__file__).resolve().parents[2] / "serving" / "examples" / "nginx" / "uptier.conf"
_MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    default_type text/plain;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/uptier.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx."""

    address: str


@contextmanager
def running(program: str, *, uptier: str, site: str, key: str, customers: Mapping[str, str]) -> Iterator[Nginx]:
    """Start nginx over the example, with its addresses (host:port), its secret key and its callers' keys put in."""
    account = unprivileged()
    folder, port = new_folder(account), _free_port()
    files = {
        "nginx.conf": _MAIN.format(folder=folder),
        "uptier.conf": _filled(
            {"127.0.0.1:8000": uptier, "127.0.0.1:9000": site, "127.0.0.1:8080": f"127.0.0.1:{port}"}
        ),
        "uptier-key.conf": f'proxy_set_header Authorization "Bearer {key}";\n',
        "uptier-customers.map": "".join(f"{token} {customer};\n" for token, customer in customers.items()),
    }
    for name, text in files.items():
        path = folder / name
        path.write_text(text)
        if account is not None:
            os.chown(path, account.uid, account.gid)
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    server = guarded.start(command, folder, lambda: _listens(port), account=account, stop_signal="SIGQUIT")
    try:
        yield Nginx(f"http://127.0.0.1:{port}")
    finally:
        server.stop()


def _filled(values: Mapping[str, str]) -> str:
    """The example with the addresses that have to be changed."""
    text = EXAMPLE.read_text()
    for given, value in values.items():
        text, count = re.subn(re.escape(given), value, text)
        if count != 1:
            raise ValueError(f"the example names {given} {count} times")
    return text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
