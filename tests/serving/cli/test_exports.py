"""`uptier export`: what is written, looked at and sent from the command line, also by a process that is killed on the way."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from features.contact.mailing_store import MailingStore
from tests.e2e.installation import PROGRAM
from tests.serving.mail.conftest import KEYS, fill
from tests.serving.mail.mail_server import Inbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.serving.cli.conftest import Cli


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A mail server."""
    yield from serve(Inbox())


@pytest.fixture
def shop(cli: Cli, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Five members who agreed to marketing, and where mail goes."""
    monkeypatch.setenv("UPTIER_PUBLIC_URL", "https://billing.shop.example")
    monkeypatch.setenv("UPTIER_SMTP_URL", inbox.url)
    monkeypatch.setenv("UPTIER_MAIL_FROM", "Bean Street <hello@shop.example>")
    monkeypatch.setenv("UPTIER_HOLDOUT_PER_TEN_THOUSAND", "0")
    with cli.database.unit(cli.scope) as unit:
        fill(unit)
    return cli


def test_a_mail_merge_is_written_with_its_columns(shop: Cli, tmp_path: Path) -> None:
    """Items, offer and link of each, flat; and the manifest that tells the file."""
    file = tmp_path / "merge.csv"
    told = shop.ask(
        "export", "segment", "c1", "--output", file, "--fields", "key,email,items,offer,unsubscribe_url", "--items", 2
    )

    rows = list(csv.DictReader(file.open()))
    assert (told["included"], told["bytes"], told["kept_until"]) == (5, file.stat().st_size, None)
    assert [row["key"] for row in rows] == list(KEYS)
    assert {"item_2_reason", "offer_recurring"} <= rows[0].keys()
    assert rows[0]["unsubscribe_url"].startswith("https://billing.shop.example/u/")


def test_a_sample_is_shown_or_sent(shop: Cli, inbox: Inbox) -> None:
    """To oneself; who is no member has none."""
    shown = shop.ask("export", "mail", "--segment", "c1", "--customer", "ann", "--subject", "Look")
    assert shown["text"].startswith("Look\n\nHello Ann,")
    shop.ask("export", "mail", "--segment", "c1", "--customer", "ann", "--smtp", inbox.url, "--to", "me@example.org")
    assert inbox.recipients == ["me@example.org"]
    assert shop("export", "mail", "--segment", "c1", "--customer", "nobody").code == 1


def test_a_mailing_outlives_a_kill(shop: Cli, inbox: Inbox) -> None:
    """The sender is killed with the third mail on its way, of which nobody knows whether it arrived: nobody gets two."""
    command = [*PROGRAM, "export", "send", "--segment", "c1", "--subject", "March"]
    sender = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def kill(number: int) -> None:
        if number == 3:
            sender.send_signal(signal.SIGKILL)
            sender.wait()

    inbox.on_data = kill
    _, complaint = sender.communicate(timeout=60)
    assert sender.returncode == -signal.SIGKILL, complaint
    with shop.database.view(shop.scope) as unit:
        (mailing,) = MailingStore(unit).recent(5)

    told = shop.ask("export", "send", "--mailing", mailing.id)

    assert told["counts"] | {"sent": 4, "unsure": 1, "waiting": 0} == told["counts"]
    assert len(inbox.recipients) == len(set(inbox.recipients)) == 4
    assert shop("export", "send", "--mailing", mailing.id, "--segment", "c1", "--subject", "x").code == 2
