"""`uptier boxes`: a period chosen, looked at and packed from the command line, and a benchmark that proves its own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.serving.predict.boxing import open_boxing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.cli.conftest import Cli


def test_a_period_is_chosen_shown_and_packed(cli: Cli, tmp_path: Path) -> None:
    """Two boxes of three, once; the list names each item of each box; an unknown period is refused in one line."""
    tenant = open_boxing(cli.database).opened.tenant.id
    done = cli.ask("boxes", "choose", "--period", "p1", "--tenant", tenant)
    assert (done["boxes"], done["short"]) == (2, 0)
    assert cli.ask("boxes", "choose", "--period", "p1", "--tenant", tenant)["boxes"] == 0
    shown = cli("boxes", "show", "--period", "p1", "--tenant", tenant).out
    assert "2 boxes, 2 filled; short: none" in shown

    file = tmp_path / "packing.csv"
    cli.ask("boxes", "packing-list", "--period", "p1", "--out", file, "--tenant", tenant)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 1 + 2 * 3
    assert "p9" in cli("boxes", "show", "--period", "p9", "--tenant", tenant).complaint


def test_the_benchmark_says_what_it_lost(cli: Cli) -> None:
    """Small enough for a test: rules hold, and nothing is above the bound."""
    found = cli.ask("bench", "boxes", "--subscribers", 300, "--items", 30, "--slots", 3, "--small", 1)
    assert found["breaches"] == []
    assert 0 <= found["gap_percent"] < 2
    assert [way["name"] for way in found["ways"]] == ["all together", "greedy by boxes", "greedy by items"]
