"""Models and training runs over the API: what serves, every card, the way back, and runs that are queued, followed and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from features.runs.tasks import TASKS
from models.registry.folder import FolderRegistry
from tests.models.registry.contract import card, model_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.api.conftest import Server


@pytest.fixture
def trained(server: Server, tmp_path: Path) -> Server:
    """Two versions of the churn model, the second of which serves."""
    tenant = server.shop.scope.tenant_id
    registry = FolderRegistry(server.services.settings.home / "models")
    for number in (1, 2):
        registry.publish(tenant, "churn", model_folder(tmp_path / str(number)), card(tenant, reference={"rows": 5}))
        answer = server.call("POST", "/v1/models/churn/promote", json={"version": f"v000{number}", "reason": "by eye"})
        assert answer.status_code == 200, answer.text
    return server


def test_every_task_is_listed_with_what_serves(trained: Server) -> None:
    """A task without a model says so."""
    items = {item["task"]: item for item in trained.call("GET", "/v1/models").json()["items"]}

    assert tuple(items) == TASKS
    assert items["churn"]["champion"] == "v0002"
    assert items["bundles"] == {"task": "bundles", "champion": None, "challenger": None, "watch": None}


def test_a_task_tells_its_versions_and_moves(trained: Server) -> None:
    """Who moved the champion is the key that asked, by its id; the key itself is nowhere."""
    answer = trained.call("GET", "/v1/models/churn")
    found = answer.json()

    assert [(one["version"], one["role"]) for one in found["versions"]] == [("v0001", "kept"), ("v0002", "champion")]
    assert [(one["number"], one["version"], one["move"]) for one in found["releases"]] == [
        (1, "v0001", "promoted"),
        (2, "v0002", "promoted"),
    ]
    assert all(one["who"].startswith("key key_") for one in found["releases"])
    assert trained.shop.opened.secret_key not in answer.text


def test_a_version_shows_its_card_without_what_only_a_watcher_reads(trained: Server) -> None:
    """Figures with intervals, limits and the gate's report."""
    found = trained.call("GET", "/v1/models/churn/versions/v0001").json()

    assert found["role"] == "kept"
    assert found["card"]["metrics"] == {"log_loss": {"mean": 0.41, "low": 0.4, "high": 0.42}}
    assert found["card"]["limits"] == ["not for credit decisions"]
    assert "reference" not in found["card"]


def test_the_way_back_is_one_call(trained: Server) -> None:
    """And a second one has nowhere to go."""
    back = trained.call("POST", "/v1/models/churn/rollback", json={"reason": "too many alarms"})
    again = trained.call("POST", "/v1/models/churn/rollback", json={"reason": "once more"})

    assert (back.status_code, back.json()["champion"]) == (200, "v0001")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_roll_back")


def test_another_tenant_sees_none_of_it(trained: Server) -> None:
    """Neither models nor runs."""
    theirs = trained.other.opened.secret_key
    run = trained.call("POST", "/v1/training/runs", json={"tasks": ["churn"]}).json()["items"][0]["id"]

    assert trained.call("GET", "/v1/models/churn", key=theirs).json()["versions"] == []
    assert trained.call("GET", "/v1/models/churn/versions/v0001", key=theirs).status_code == 404
    assert trained.call("GET", f"/v1/training/runs/{run}", key=theirs).status_code == 404
    assert trained.call("POST", f"/v1/training/runs/{run}/cancel", key=theirs).status_code == 404
    assert trained.call("GET", "/v1/training/runs", key=theirs).json()["items"] == []


def test_runs_are_queued_once_followed_and_stopped(server: Server) -> None:
    """In the order of the tasks; a stopped one stays stopped."""
    first = server.call("POST", "/v1/training/runs", json={"tasks": ["bundles", "churn"], "seed": 7})
    again = server.call("POST", "/v1/training/runs", json={"tasks": ["churn"]})

    assert first.status_code == 202
    churn, bundles = first.json()["items"]
    assert (churn["task"], churn["state"], churn["seed"], bundles["task"]) == ("churn", "queued", 7, "bundles")
    assert again.json()["items"][0]["id"] == churn["id"]
    stopped = server.call("POST", f"/v1/training/runs/{churn['id']}/cancel").json()
    assert (stopped["state"], stopped["reason"]) == ("cancelled", "Cancelled before it began.")
    assert server.call("POST", f"/v1/training/runs/{churn['id']}/cancel").status_code == 409
    listed = server.call("GET", "/v1/training/runs", params={"limit": 1}).json()
    older = server.call("GET", "/v1/training/runs", params={"cursor": listed["next_cursor"]}).json()
    assert {run["id"] for run in (*listed["items"], *older["items"])} == {churn["id"], bundles["id"]}


def test_what_cannot_be_asked_is_said(server: Server) -> None:
    """An unknown task with those there are; a seed that is none; an hour that is none."""
    unknown = server.call("POST", "/v1/training/runs", json={"tasks": ["horoscope"]})

    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_task")
    assert "segments, churn" in unknown.json()["detail"]
    assert server.call("POST", "/v1/training/runs", json={"seed": -1}).status_code == 422
    assert server.call("GET", "/v1/models/horoscope").status_code == 422
    assert server.call("PUT", "/v1/training/settings", json={"hour": 24}).status_code == 422


def test_settings_say_when_the_next_night_is(server: Server) -> None:
    """Never has none."""
    assert server.call("GET", "/v1/training/settings").json() == {
        "every": "night",
        "hour": 3,
        "shadow_days": 1,
        "next_at": None,
    }
    put = server.call("PUT", "/v1/training/settings", json={"every": "week", "hour": 5, "shadow_days": 0}).json()
    assert put["next_at"].endswith("T05:00:00Z")
    assert server.call("GET", "/v1/training/settings").json() == put
    never = server.call("PUT", "/v1/training/settings", json={"every": "never"}).json()
    assert never["next_at"] is None
