"""`uptier export`: hand out a segment as a file, under the same consent rules as the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

app = typer.Typer(help="Exports: customers of a segment, under consent.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `export` a group while it has one command."""


@app.command()
def segment(
    key: Annotated[str, typer.Argument(help="The segment's key, as 'GET /v1/segments' lists it.")],
    output: Annotated[Path, typer.Option(help="File to write; its ending (csv, jsonl, parquet) says how.")],
    purpose: Annotated[str, typer.Option(help="What for; 'analytics' needs no consent.")] = "marketing",
    channel: Annotated[str, typer.Option(help="How they will be reached.")] = "email",
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Write a segment's members that may be contacted, and say who was left out and why.

    Example: uptier export segment c1 --output lapsed.csv --purpose marketing
    """
    with readable_errors():
        from serving.predict.segment_export import FORMATS, export_segment

        file_format = output.suffix.removeprefix(".")
        if file_format not in FORMATS:
            raise typer.BadParameter(f"end the file's name with {', '.join(FORMATS)}")
        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with wired.database.unit(scope) as unit:
            found = export_segment(unit, key, purpose=purpose, channel=channel, file_format=file_format, now=now)
        output.write_bytes(found.body)
        document = {"included": found.included, "excluded": found.excluded, "file": str(output)}
        left = ", ".join(f"{count} {reason}" for reason, count in found.excluded.items()) or "nobody"
        say(document, f"{found.included} written to {output}; left out: {left}", as_json=as_json)
