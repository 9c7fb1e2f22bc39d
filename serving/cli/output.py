"""How commands speak: readable text or, with `--json`, one JSON document; errors in one line and a non-zero end."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from billing.kernel.errors import UptierError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(document: dict[str, Any], text: str | Text, *, as_json: bool) -> None:
    """The command's result, for a person or for a program; what a file or a tenant is called is never read as markup."""
    if as_json:
        sys.stdout.write(json.dumps(document, default=str, sort_keys=True) + "\n")
    else:
        out.print(text, markup=False, soft_wrap=True)


@contextmanager
def readable_errors() -> Iterator[None]:
    """End with code 1 and one readable line when the core refuses."""
    try:
        yield
    except UptierError as error:
        err.print(f"[red]error[/red] ({error.code}): {escape(error.detail)}", soft_wrap=True)
        raise typer.Exit(1) from None
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        err.print(f"[red]error[/red]: {error.strerror}: {escape(str(error.filename))}", soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(130) from None


def progress_bar() -> Progress:
    """A progress display on standard error, so that output stays clean."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=False,
    )
