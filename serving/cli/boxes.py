"""`uptier boxes`: choosing a period's boxes, how a period stands, and what goes into whose box."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.output import AsJson, err, readable_errors, say
from serving.cli.session import TenantOption, scope_and_now, services

app = typer.Typer(help="The next box: choose it, see how a period stands, pack it.", no_args_is_help=True)
Period = Annotated[str, typer.Option(help="The period's key, such as 2026-12.")]


@app.command()
def choose(period: Period, tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """Choose the boxes of everybody who has none of the period yet. What is killed publishes nothing; again, it does nothing twice.

    Example: uptier boxes choose --period 2026-12
    """
    with readable_errors():
        from serving.predict.boxes import choose_period

        wired = services()
        scope, _, now = scope_and_now(wired, tenant)
        with err.status("starting") as status:
            done = choose_period(wired.database, scope, period, now=now, tell=status.update)
        document = {"period": period, "boxes": done.boxes, "short": done.short, "passed_over": done.passed_over}
        text = f"{done.boxes:,} boxes of {period} chosen, {done.short:,} of them lack something"
        if done.passed_over:
            text += f"; {done.passed_over:,} subscribers pay in another currency and were passed over"
        say(document, text, as_json=as_json)


@app.command()
def show(period: Period, tenant: TenantOption = None, as_json: AsJson = False) -> None:
    """How a period stands: boxes filled and short with why, and what is left of each item.

    Example: uptier boxes show --period 2026-12
    """
    with readable_errors():
        from serving.predict.boxes import summary

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        with wired.database.view(scope) as unit:
            found = summary(unit, period)
        short = ", ".join(f"{count:,} because of {why}" for why, count in found.short.items()) or "none"
        lines = [f"{period}: {found.boxes:,} boxes, {found.filled:,} filled; short: {short}", ""]
        lines += [f"{item.item:30} {item.left:>8,} left of {item.stock:>8,}" for item in found.items]
        document = {
            "period": period,
            "state": found.period.state.value,
            "boxes": found.boxes,
            "filled": found.filled,
            "short": found.short,
            "left": {item.item: item.left for item in found.items},
        }
        say(document, "\n".join(lines), as_json=as_json)


@app.command("packing-list")
def packing_list(
    period: Period,
    out: Annotated[Path, typer.Option(help="The CSV file to write.")],
    tenant: TenantOption = None,
    as_json: AsJson = False,
) -> None:
    """Write what goes into whose box, a line an item.

    Example: uptier boxes packing-list --period 2026-12 --out packing.csv
    """
    with readable_errors():
        from serving.predict.packing import packing_lines

        wired = services()
        scope, _, _ = scope_and_now(wired, tenant)
        with out.open("w", encoding="utf-8", newline="") as file:
            count = sum(file.write(text) for text in packing_lines(wired.database, scope, period))
        say({"file": str(out), "characters": count}, f"{out}: written", as_json=as_json)
