"""Experiments over HTTP: written down, frozen at the start, asked for arms, told exposures, reported on and decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

BODY: dict[str, Any] = {
    "key": "prices",
    "name": "Prices on the page",
    "hypothesis": "Prices up front bring more subscribers.",
    "placement": "pricing",
    "arms": [{"key": "control"}, {"key": "warm", "treatment": {"show": True, "message": "Hello"}}],
    "primary": {"key": "conversion", "window_days": 7},
    "secondary": [{"key": "revenue", "window_days": 7}],
    "planned_units": 1000,
}


def _make(server: Server, **changed: Any) -> dict[str, Any]:
    answer = server.call("POST", "/v1/experiments", json={**BODY, **changed})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _post(server: Server, path: str, body: Any = None) -> Any:
    return server.call("POST", f"/v1/experiments/{path}", json=body)


def test_a_plan_is_frozen_when_it_starts_and_can_be_changed_until_then(server: Server) -> None:
    """Guardrails are added, the start gives the digest and the layer's part, and a later change is refused with a sentence."""
    made = _make(server)
    watched = ["churn", "refunds", "downgrades", "unsubscribes", "support_contacts"]
    assert [each["key"] for each in made["plan"]["guardrails"]] == watched
    changed = {name: value for name, value in BODY.items() if name != "key"} | {"planned_units": 2000}
    assert server.call("PUT", "/v1/experiments/prices", json=changed).json()["plan"]["planned_units"] == 2000

    started = _post(server, "prices/start").json()

    assert started["status"] == "running"
    assert len(started["plan_digest"]) == 64
    assert started["plan"]["namespace"] == {"layer": "pricing", "start": 0.0, "end": 1.0}
    refused = server.call("PUT", "/v1/experiments/prices", json=changed)
    assert (refused.status_code, refused.json()["code"]) == (409, "experiment_plan_frozen")
    assert _post(server, "prices/start").json()["code"] == "experiment_state"


def test_two_experiments_of_one_placement_never_meet(server: Server) -> None:
    """Each takes its own part of the layer; what does not fit is told who holds it."""
    _make(server, layer_share=0.6)
    _make(server, key="words", layer_share=0.4)
    _make(server, key="late", layer_share=0.2)
    assert _post(server, "prices/start").status_code == 200
    assert _post(server, "words/start").json()["plan"]["namespace"]["start"] == 0.6
    refused = _post(server, "late/start")
    assert (refused.status_code, refused.json()["code"]) == (409, "experiment_layer_full")

    for number in range(60):
        path = f"assignment?customer=c{number}"
        arms = [server.call("GET", f"/v1/experiments/{key}/{path}").json()["arm"] for key in ("prices", "words")]
        assert None in arms


def test_asking_for_an_arm_is_no_exposure_and_telling_one_counts_once(server: Server) -> None:
    """The report's units come from what was told; the same told again, or in another arm, changes no count."""
    _make(server)
    _post(server, "prices/start")
    first = server.call("GET", "/v1/experiments/prices/assignment?customer=ann").json()
    assert first["arm"] in {"control", "warm"}
    assert sum(server.call("GET", "/v1/experiments/prices/report").json()["units"].values()) == 0

    told = {"exposures": [{"customer": "ann"}, {"customer": "ann"}, {"customer": "nobody"}]}
    assert _post(server, "prices/exposures", told).json() == {
        "new": 1,
        "again": 1,
        "crossed": 0,
        "left_out": {"unknown_customer": 1},
    }
    other = {"control": "warm", "warm": "control"}[first["arm"]]
    crossing = {"exposures": [{"customer": "ann", "arm": other}]}
    assert _post(server, "prices/exposures", crossing).json()["crossed"] == 1

    report = server.call("GET", "/v1/experiments/prices/report").json()
    assert report["units"][first["arm"]] == 1
    assert report["crossed"][first["arm"]] == 1
    assert report["is_masked"]
    assert report["metrics"] == []
    assert "full days" in report["sentence"]


def test_a_report_is_a_table_and_a_page_too(server: Server) -> None:
    """The page needs nothing else: no link, no script, no image from elsewhere."""
    _make(server)
    _post(server, "prices/start")
    for file_format, has in (("csv", "experiment,as_of,role"), ("html", "<!doctype html>")):
        answer = server.call("GET", f"/v1/experiments/prices/report?format={file_format}")
        assert answer.status_code == 200
        assert answer.text.startswith(has)
        assert not any(word in answer.text for word in ("http://", "https://", "<script", "src="))


def test_a_run_goes_through_its_states_and_may_be_run_again(server: Server) -> None:
    """Pause and resume, stop, decide with a reason; the next run of the key is a version with a salt of its own."""
    _make(server)
    assert _post(server, "prices/stop", {"why": "early"}).json()["code"] == "experiment_state"
    _post(server, "prices/start")
    assert _post(server, "prices/pause", {"why": "a holiday"}).json()["why"] == "a holiday"
    assert server.call("GET", "/v1/experiments/prices/assignment?customer=ann").json()["reason"] == "paused"
    assert _post(server, "prices/resume").json()["status"] == "running"
    lower = _post(server, "prices/coverage", {"coverage": 0.5})
    assert (lower.status_code, lower.json()["code"]) == (422, "bad_experiment")
    assert _post(server, "prices/stop", {"why": "enough"}).json()["status"] == "stopped"
    decided = _post(server, "prices/decide", {"arm": "control", "why": "nothing came of it", "who": "ann"}).json()
    assert decided["decision"]["arm"] == "control"
    assert decided["decision"]["plan"] == decided["plan_digest"]

    again = _make(server)
    assert (again["version"], again["plan"]["salt"]) == (2, "prices@2")


UNFAIR: tuple[tuple[dict[str, Any], str], ...] = (
    ({"primary": {"key": "luck"}}, "one of these measures"),
    ({"primary": {"key": "taught", "measure": "event_count"}}, "names its type of event"),
    ({"arms": [{"key": "a"}, {"key": "a"}]}, "different keys"),
    ({"key": "programme"}, "is taken"),
    ({"arms": [{"key": "a"}, {"key": "b", "gives": {"wings": True}}]}, "no feature"),
    ({"unit": "member", "assigned_by": "member"}, "judged by their events"),
    ({"design": "planned", "looks": [0.5, 0.4]}, "planned looks rise"),
)


def test_what_cannot_be_judged_fairly_is_refused_with_what_to_change(server: Server) -> None:
    """422, and a sentence; a word that a plan does not know is no default."""
    for changed, says in UNFAIR:
        answer = server.call("POST", "/v1/experiments", json={**BODY, **changed})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_experiment"), answer.text
        assert says in answer.json()["detail"]
    assert server.call("POST", "/v1/experiments", json={**BODY, "planed_units": 5}).status_code == 422


def test_the_planner_answers_units_weeks_and_what_can_be_found(server: Server) -> None:
    """The textbook figure for 5 % and a tenth more; a daily reading costs its known factor."""
    wish = {"kind": "rate", "baseline": 0.05, "lift": 0.1, "units_a_week": 10_000, "weeks": 4}
    found = _post(server, "plan", wish).json()

    assert found["planned"] == {"units_an_arm": 31231, "units": 62462, "weeks": 7}
    assert found["anytime"]["units_an_arm"] == pytest.approx(31231 * 1.549**2, rel=1e-3)
    assert found["least_lift"]["planned"] == pytest.approx(0.1221, rel=1e-2)


def test_the_planner_takes_the_traffic_of_an_experiment_that_there_was(server: Server) -> None:
    """Two customers in four weeks are half a customer a week."""
    _make(server)
    _post(server, "prices/start")
    _post(server, "prices/exposures", {"exposures": [{"customer": "ann"}, {"customer": "bob"}]})
    found = _post(server, "plan", {"baseline": 0.5, "lift": 0.5, "like": "prices"}).json()

    assert found["planned"]["weeks"] == found["planned"]["units"] * 2
