"""`uptier export`: hand out a segment as a file, look at a mail to it, and send a mailing, under the same consent rules as the API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.output import AsJson, progress_bar, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

if TYPE_CHECKING:
    from features.contact.mailing import Letter
    from serving.wiring import Services

app = typer.Typer(help="Exports: customers of a segment, under consent, as a file or by mail.", no_args_is_help=True)

Purpose = Annotated[
    str, typer.Option(help="What for; 'analytics' contacts nobody, needs no consent and tells nothing personal.")
]
Subject = Annotated[str, typer.Option(help="The subject, which is also the mail's title.")]
Text = Annotated[
    Path | None, typer.Option("--text", help="A file with the text before the items; an empty line ends a paragraph.")
]
Items = Annotated[int, typer.Option(min=0, max=20, help="How many items are recommended to each.")]
WithOffer = Annotated[
    bool, typer.Option("--offer/--no-offer", help="Whether each may get the offer that is decided for them.")
]
Smtp = Annotated[
    str | None, typer.Option("--smtp", help="Mail server, such as smtp://localhost:1025; else UPTIER_SMTP_URL.")
]


@app.command()
def segment(
    key: Annotated[str, typer.Argument(help="The segment's key, as 'GET /v1/segments' lists it.")],
    output: Annotated[Path, typer.Option(help="File to write; its ending (csv, jsonl, parquet) says how.")],
    purpose: Purpose = "marketing",
    channel: Annotated[str, typer.Option(help="How they will be reached.")] = "email",
    fields: Annotated[
        str, typer.Option(help="Fields with commas between, such as key,email,items,offer,unsubscribe_url.")
    ] = "",
    items: Annotated[int, typer.Option(min=1, max=20, help="How many items are recommended to each.")] = 3,
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Write a segment's members that may be contacted, and say who was left out and why.

    Example: uptier export segment c1 --output lapsed.csv --purpose marketing --fields key,email,items
    """
    with readable_errors():
        from features.exports.formats import FORMATS
        from serving.predict.segment_export import Order, record, write_elsewhere

        file_format = output.suffix.removeprefix(".")
        if file_format not in FORMATS:
            raise typer.BadParameter(f"end the file's name with {', '.join(FORMATS)}")
        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        order = Order(
            segment=key,
            purpose=purpose,
            channel=channel,
            file_format=file_format,
            fields=tuple(filter(None, (name.strip() for name in fields.split(",")))),
            items=items,
            asked_by="command line",
        )
        made = write_elsewhere(wired, scope, order, output, now=now)
        with wired.database.unit(scope) as unit:
            found = record(unit, made)
        left = ", ".join(f"{count} {reason}" for reason, count in found.excluded.items()) or "nobody"
        document = {**found.to_document(), "file": str(output)}
        say(document, f"{found.included} written to {output}; left out: {left}", as_json=as_json)


@app.command()
def mail(
    segment: Annotated[str, typer.Option(help="The segment that the mail would go to.")],
    customer: Annotated[str, typer.Option(help="Whose mail to look at: a member's key.")],
    subject: Subject = "Picked for you",
    text: Text = None,
    items: Items = 3,
    with_offer: WithOffer = True,
    to: Annotated[str | None, typer.Option(help="Send it to this address; without one it is shown.")] = None,
    smtp: Smtp = None,
    purpose: Purpose = "marketing",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Look at the mail that one member would get, or send it to yourself. Nothing is decided; the link in it is the member's own and works.

    Example: uptier export mail --segment c1 --customer ann --smtp smtp://localhost:1025 --to me@example.org
    """
    with readable_errors():
        from serving.mail.sample import sample, send_sample

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        letter = _letter(subject, text, items, with_offer=with_offer)
        made = sample(wired, scope, segment=segment, customer=customer, purpose=purpose, letter=letter, now=now)
        document = {"subject": made.subject, "text": made.rendered.text, "html": made.rendered.html, "sent_to": to}
        if to is not None:
            send_sample(made, wired.settings, to, _smtp_url(wired, smtp))
        say(document, made.rendered.text if to is None else f"sent to {to}", as_json=as_json)


@app.command()
def send(
    segment: Annotated[str, typer.Option(help="The segment to write to; for a new mailing.")] = "",
    subject: Subject = "",
    text: Text = None,
    items: Items = 3,
    with_offer: WithOffer = True,
    purpose: Purpose = "marketing",
    mailing: Annotated[str, typer.Option(help="Go on with this mailing instead of beginning one.")] = "",
    smtp: Smtp = None,
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Send a mailing to a segment, one mail to each member who may be written to at that moment; stopped, it goes on with --mailing.

    A mail that was on its way when the sender was killed is counted as unsure and not sent again.

    Example: uptier export send --segment c1 --subject "Three roasts for March" --text march.txt
    """
    with readable_errors():
        from features.contact.mailing_store import MailingStore
        from serving.mail.mailing import begin, send_all
        from serving.mail.server import Connection, parse_server

        if bool(mailing) == bool(segment):
            raise typer.BadParameter("give --segment for a new mailing, or --mailing to go on with one")
        wired = services()
        scope, known, now = scope_and_now(wired, tenant)
        server = parse_server(_smtp_url(wired, smtp))
        if segment:
            letter = _letter(subject, text, items, with_offer=with_offer)
            mailing = begin(wired, scope, segment=segment, purpose=purpose, letter=letter, now=now).id
        with wired.database.view(scope) as unit:
            waiting = MailingStore(unit).counts(mailing)["waiting"]
        with progress_bar() as bar, Connection(server) as connection:
            task = bar.add_task(mailing, total=waiting)
            sent = send_all(
                wired,
                scope,
                mailing,
                connection,
                clock=lambda: known.now(wired.clock.now()),
                progress=lambda sofar: bar.update(task, completed=sum(sofar.done.values()) + sofar.put_off),
            )
        with wired.database.view(scope) as unit:
            counts = MailingStore(unit).counts(mailing)
        later = f"; {sent.put_off} are put off: go on with --mailing {mailing}" if sent.put_off else ""
        say({"mailing": mailing, "this_run": sent.done, "counts": counts}, f"{_said(counts)}{later}", as_json=as_json)


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "nobody to write to"


def _letter(subject: str, text: Path | None, items: int, *, with_offer: bool) -> Letter:
    from features.contact.mailing import Letter

    greeting = text.read_text(encoding="utf-8") if text is not None else ""
    return Letter(subject=subject, greeting=greeting, items=items, with_offer=with_offer)


def _smtp_url(wired: Services, given: str | None) -> str:
    from serving.mail.sample import server_url

    return server_url(wired.settings, given)
