"""`uptier bench boxes`: everybody's next box at once, beside greedy choices and beside what no choice exceeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.output import AsJson, err, readable_errors, say

if TYPE_CHECKING:
    from training.bench.boxes import BoxesReport


def boxes(
    subscribers: Annotated[int, typer.Option(help="How many boxes are chosen.", min=10, max=2_000_000)] = 100_000,
    items: Annotated[int, typer.Option(help="How many items the shelf has.", min=10, max=2_000)] = 120,
    slots: Annotated[int, typer.Option(help="How many items a box has.", min=1, max=20)] = 5,
    small: Annotated[
        int, typer.Option(help="Small shops that are also solved by an exact solver.", min=0, max=100)
    ] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the simulated shop.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Choose the next box of many subscribers under stock, variety and budgets, and say how far from the best that is at most.

    Example: uptier bench boxes --subscribers 100000
    """
    with readable_errors():
        from training.bench.boxes import bench_boxes

        with err.status("starting") as status:
            report = bench_boxes(
                subscribers=subscribers, items=items, slots=slots, seed=seed, small=small, tell=status.update
            )
        say(_document(report), _text(report), as_json=as_json)
        if report.breaches:
            raise typer.Exit(1)


def _document(report: BoxesReport) -> dict[str, Any]:
    return {
        **asdict(report),
        "gap_percent": round(report.gap_percent, 4),
        "worth_gap_percent": round(report.worth_gap_percent, 4),
    }


def _text(report: BoxesReport) -> str:
    whole = report.subscribers * report.slots
    lines = [
        f"{report.subscribers:,} boxes of {report.slots} out of {report.items} items, seed {report.seed}",
        "",
        f"{'':18}{'slots filled':>14}{'empty':>9}{'worth':>13}{'of the first':>14}{'seconds':>10}{'cpu':>8}",
    ]
    first = report.ways[0]
    for way in report.ways:
        share = 100 * way.worth / first.worth
        gaps = f"{way.filled:>14,}{whole - way.filled:>9,}"
        times = f"{way.seconds:>10.1f}{way.cpu_seconds:>8.1f}"
        lines.append(f"{way.name:18}{gaps}{way.worth:>13,.0f}{share:>13.2f}%{times}")
    lines += [
        "",
        f"at most {report.gap_percent:.3f} % from the best there can be, filled slots counted; {report.worth_gap_percent:.2f} % of worth",
        f"the bound took {report.bound_seconds:.1f} s",
        f"peak memory while choosing {report.peak_mb:,} MB",
        f"rules: {'; '.join(report.breaches) if report.breaches else 'all hold in every box'}",
    ]
    if report.small_gaps:
        worst, mean = max(report.small_gaps), sum(report.small_gaps) / len(report.small_gaps)
        have, most = (sum(column) for column in zip(*report.small_filled, strict=True))
        lines.append(
            f"beside an exact solver on {len(report.small_gaps)} small shops: {mean:.3f} % lost on average, "
            f"{worst:.3f} % at worst; {have} of its {most} slots filled"
        )
    return "\n".join(lines)
