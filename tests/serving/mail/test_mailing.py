"""A mailing over real SMTP: each once whatever happens, asked again at the last moment, and ended by the header's button."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

import pytest

from features.contact.mailing import Letter, MailingError
from features.contact.mailing_store import MailingStore
from features.offers.change import put_policy
from features.offers.policy import OfferPolicy, QuietHours
from serving.mail.mailing import Sent, begin, send_all
from serving.mail.sample import NotContactableError, sample, send_sample
from serving.mail.server import Connection, MailServerAwayError, parse_server
from serving.unsubscribe import NoPublicAddressError
from tests.serving.mail.conftest import KEYS, PUBLIC
from tests.shop import START

if TYPE_CHECKING:
    from email.message import EmailMessage

    from serving.mail.server import Handed
    from tests.serving.mail.conftest import Post
    from tests.serving.mail.mail_server import Inbox

LETTER = Letter(subject="Three roasts for März", greeting="First lines.\n\nSecond <b>part</b>.", closing="Yours")
ALL = [f"{key}@mail.example" for key in KEYS]
on_one_engine = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what no engine has a part in."""


def _begin(post: Post, letter: Letter = LETTER) -> str:
    mailing = begin(post.services, post.shop.scope, segment="c1", purpose="marketing", letter=letter, now=START)
    return mailing.id


def _send(post: Post, mailing: str, inbox: Inbox) -> Sent:
    with Connection(parse_server(inbox.url)) as connection:
        return send_all(post.services, post.shop.scope, mailing, connection, clock=lambda: START)


def _counts(post: Post, mailing: str) -> dict[str, int]:
    with post.services.database.view(post.shop.scope) as unit:
        return {state: count for state, count in MailingStore(unit).counts(mailing).items() if count}


def _press(post: Post, mail: EmailMessage) -> None:
    """What a mail program does when its reader presses `unsubscribe` (RFC 8058, section 3.2)."""
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = str(mail["List-Unsubscribe"]).strip("<>")
    assert address.startswith(f"{PUBLIC}/u/")
    body = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = post.client.post(address.removeprefix(PUBLIC), content=body, headers=headers)
    assert answer.status_code == 200


def test_everybody_gets_one_mail_and_running_again_sends_none(post: Post, inbox: Inbox) -> None:
    """As a mail program reads it: both forms, whose it is, and the same id if it were sent again."""
    mailing = _begin(post)

    first, again = _send(post, mailing, inbox), _send(post, mailing, inbox)

    assert sorted(inbox.recipients) == ALL
    assert (first.done, again.done) == ({"sent": 5}, {})
    mail = inbox.read(inbox.recipients.index("ann@mail.example"))
    assert (mail["From"], mail["To"]) == ("Bean Street <hello@shop.example>", "Ann <ann@mail.example>")
    assert mail["Subject"] == LETTER.subject
    assert mail["Date"] is not None
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Hello Ann,\n\nFirst lines.\n\nSecond <b>part</b>." in text.get_content().replace("\r\n", "\n")
    assert "Second &lt;b&gt;part&lt;/b&gt;." in html.get_content()
    link = str(mail["List-Unsubscribe"]).strip("<>")
    assert link in text.get_content()
    assert f'href="{link}"' in html.get_content()
    assert len({inbox.read(place)["Message-ID"] for place in range(5)}) == 5


def test_the_headers_button_ends_it_for_the_next_mailing_and_the_next_export(post: Post, inbox: Inbox) -> None:
    """Even for a mailing that was begun before."""
    first, second = _begin(post), _begin(post)
    _send(post, first, inbox)
    _press(post, inbox.read(inbox.recipients.index("bob@mail.example")))
    inbox.taken.clear()

    sent = _send(post, second, inbox)

    assert sorted(inbox.recipients) == [address for address in ALL if not address.startswith("bob")]
    assert sent.done == {"sent": 4, "left_out": 1}
    assert _counts(post, second)["left_out:unsubscribed"] == 1
    headers = {"Authorization": f"Bearer {post.shop.opened.secret_key}"}
    exported = post.client.get("/v1/segments/c1/export", headers=headers)
    assert "bob" not in exported.text
    assert exported.headers["X-Included"] == "4"


class _Killed(BaseException):
    """Stands for a process that is killed: nobody catches it."""


def test_a_killed_sender_goes_on_and_nobody_gets_two(post: Post, inbox: Inbox) -> None:
    """Killed while the third mail is on its way: that one is unsure and not sent again, the others follow."""
    mailing = _begin(post)

    class Killed(Connection):
        def hand_over(self, message: EmailMessage, **names: Any) -> Handed:
            if len(inbox.taken) == 2:
                raise _Killed
            return super().hand_over(message, **names)

    with pytest.raises(_Killed), Killed(parse_server(inbox.url)) as connection:
        send_all(post.services, post.shop.scope, mailing, connection, clock=lambda: START)
    sent = _send(post, mailing, inbox)

    assert sent.done == {"sent": 2}
    assert len(inbox.recipients) == len(set(inbox.recipients)) == 4
    assert _counts(post, mailing) == {"sent": 4, "unsure": 1}


@on_one_engine
def test_what_a_server_says_decides_what_becomes_of_a_recipient(post: Post, inbox: Inbox) -> None:
    """No such mailbox: refused and suppressed. Busy: put off, and sent by the next run. Full: refused."""
    inbox.rcpt = {"bob@mail.example": "550 5.1.1 no such user", "cy@mail.example": "451 4.3.0 later"}
    mailing = _begin(post)

    sent = _send(post, mailing, inbox)

    assert (sent.done, sent.put_off) == ({"sent": 3, "refused": 1}, 1)
    inbox.rcpt = {}
    inbox.on_data = lambda _: "552 5.2.2 mailbox full"
    later = _send(post, mailing, inbox)
    assert later.done == {"refused": 1}
    counts = _counts(post, mailing)
    assert counts["refused:550 5.1.1 no such user"] == counts["refused:552 5.2.2 mailbox full"] == 1
    inbox.on_data = lambda _: None
    inbox.taken.clear()
    _send(post, _begin(post), inbox)
    assert sorted(inbox.recipients) == [address for address in ALL if not address.startswith("bob")]


@on_one_engine
def test_a_server_that_is_away_loses_nobody(post: Post, inbox: Inbox) -> None:
    """Nothing was handed over, so everybody still waits."""
    mailing = _begin(post)
    with pytest.raises(MailServerAwayError), Connection(parse_server("smtp://127.0.0.1:1")) as connection:
        send_all(post.services, post.shop.scope, mailing, connection, clock=lambda: START)

    assert _counts(post, mailing) == {"waiting": 5}
    assert _send(post, mailing, inbox).done == {"sent": 5}


@on_one_engine
def test_quiet_hours_put_off(post: Post, inbox: Inbox) -> None:
    """Nobody is woken, and nobody is lost."""
    mailing = _begin(post)
    with post.services.database.unit(post.shop.scope) as unit:
        put_policy(unit, OfferPolicy(quiet=QuietHours(start=time(8), end=time(10))), now=START)

    asleep = _send(post, mailing, inbox)
    with post.services.database.unit(post.shop.scope) as unit:
        put_policy(unit, OfferPolicy(), now=START)

    assert (asleep.done, asleep.put_off, inbox.taken) == ({}, 5, [])
    assert _send(post, mailing, inbox).done == {"sent": 5}


@on_one_engine
def test_a_sample_leaves_no_trace(post: Post, inbox: Inbox) -> None:
    """It goes to who looks at it, with the member's own link; nothing is decided, and who would be left out has none."""
    made = sample(
        post.services,
        post.shop.scope,
        segment="c1",
        customer="ann",
        purpose="marketing",
        letter=LETTER,
        now=START,
    )
    send_sample(made, post.services.settings, "me@shop.example", inbox.url)

    assert inbox.recipients == ["me@shop.example"]
    assert inbox.read()["To"] == "me@shop.example"
    headers = {"Authorization": f"Bearer {post.shop.opened.secret_key}"}
    asked = {"customer": "ann", "subject": "Look", "to": "you@shop.example"}
    answer = post.client.post("/v1/segments/c1/mail/sample", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert inbox.recipients[-1] == "you@shop.example"
    assert post.client.get("/v1/mailings", headers=headers).json()["items"] == []
    _press(post, inbox.read())
    with pytest.raises(NotContactableError, match="unsubscribed"):
        sample(
            post.services,
            post.shop.scope,
            segment="c1",
            customer="ann",
            purpose="marketing",
            letter=LETTER,
            now=START,
        )


@on_one_engine
def test_a_mailing_that_cannot_be_sent_is_not_begun(post: Post) -> None:
    """Without an address for links, or with a subject that would write headers."""
    for subject in ("", "Hello\r\nBcc: eve@evil.example", "x" * 201):
        with pytest.raises(MailingError):
            Letter(subject=subject)
    post.services.settings.public_url = ""
    with pytest.raises(NoPublicAddressError):
        _begin(post)
    with post.services.database.view(post.shop.scope) as unit:
        assert MailingStore(unit).recent(10) == []
