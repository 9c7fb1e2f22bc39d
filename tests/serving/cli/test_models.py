"""`uptier models`: the versions there are, moving the champion by hand, and going back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from models.card import ModelCard
from models.registry.folder import FolderRegistry
from tests.shop import START

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.cli.conftest import Cli


@pytest.fixture
def registry(cli: Cli, tmp_path: Path) -> FolderRegistry:
    """Two versions of the tenant's recommender, of which the first serves."""
    found = FolderRegistry(cli.home / "models")
    for number in (1, 2):
        folder = tmp_path / f"model-{number}"
        folder.mkdir()
        (folder / "weights.txt").write_text(str(number))
        found.publish(cli.tenant, "recommender", folder, _card(cli.tenant))
    found.promote(cli.tenant, "recommender", "v0001", "better than the best baseline", START)
    return found


def _card(tenant: str) -> ModelCard:
    return ModelCard(
        tenant=tenant,
        task="recommender",
        as_of=START,
        window_start=START - timedelta(days=90),
        window_end=START,
        data_hash="0" * 16,
        rows=100,
        features=("customer", "item"),
        metrics={},
        baselines={},
        limits=(),
        gate={"promote": True, "reason": "Promoted: better than what is popular.", "checks": []},
    )


def _champion(cli: Cli) -> str:
    return str(next(row["version"] for row in cli.ask("models", "list")["models"] if row["champion"]))


def test_the_list_names_versions_and_marks_the_champion(cli: Cli, registry: FolderRegistry) -> None:
    """Both versions with their gate's sentence on one line each, the champion starred."""
    said = cli("models", "list").out.splitlines()

    assert _champion(cli) == "v0001"
    assert [line[0] for line in said] == ["*", " "]
    assert all(line.endswith("Promoted: better than what is popular.") for line in said)


def test_without_models_the_list_says_what_to_do(cli: Cli) -> None:
    """A fresh tenant is told to train."""
    assert cli.ask("models", "list") == {"models": []}
    assert "run 'uptier train'" in cli("models", "list").out


def test_a_card_is_shown_whole(cli: Cli, registry: FolderRegistry) -> None:
    """The champion's unless a version is named; one that is not there is said so."""
    assert cli("models", "show", "recommender").out.startswith("recommender v0001")
    shown = cli.ask("models", "show", "recommender", "v0002")
    assert (shown["version"], shown["card"]["rows"]) == ("v0002", 100)
    assert "no such version" in cli("models", "show", "churn").complaint


def test_a_version_is_promoted_and_taken_back(cli: Cli, registry: FolderRegistry) -> None:
    """The champion moves and returns, and each move keeps its reason."""
    moved = cli.ask("models", "promote", "recommender", "v0002", "--reason", "checked by eye")
    assert (moved["champion"], _champion(cli)) == ("v0002", "v0002")

    back = cli.ask("models", "rollback", "recommender", "--reason", "too odd")
    assert (back["champion"], _champion(cli)) == ("v0001", "v0001")
    assert [move.reason for move in registry.history(cli.tenant, "recommender")][1:] == ["checked by eye", "too odd"]


def test_a_move_that_cannot_be_made_is_refused(cli: Cli, registry: FolderRegistry) -> None:
    """No such version, nothing to go back to, no such task: a line that says so, and the champion stays."""
    unknown = cli("models", "promote", "recommender", "v0009")
    nothing = cli("models", "rollback", "recommender")
    nonsense = cli("models", "promote", "horoscope", "v0001")

    assert (unknown.code, nothing.code, nonsense.code) == (1, 1, 2)
    assert "no such version" in unknown.complaint
    assert "no earlier champion" in nothing.complaint
    assert "'horoscope'" in nonsense.err
    assert _champion(cli) == "v0001"
