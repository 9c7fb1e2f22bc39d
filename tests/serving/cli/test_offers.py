"""`uptier offers`: the policy of offers from a file, and the switches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.cli.conftest import Cli


def test_the_policy_is_put_from_a_file_and_switched(cli: Cli, tmp_path: Path) -> None:
    """What was put is told, in the same words for a person and a program; a switch keeps the rest."""
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"first_days": 0, "quiet_hours": {"start": "21:00", "end": "08:00"}}), encoding="utf-8")
    put = cli.ask("offers", "policy", "--put", file)
    assert (put["first_days"], cli.ask("offers", "policy")) == (0, put)

    assert cli.ask("offers", "kill", "*") == {**put, "killed": ["*"]}
    text = cli("offers", "policy").out
    assert "killed                     *" in text
    assert "start 21:00; end 08:00" in text
    assert cli.ask("offers", "revive", "*") == put


def test_a_policy_that_cannot_be_kept_to_is_refused_in_one_line(cli: Cli, tmp_path: Path) -> None:
    """A broken file and a wrong field, each by name; nothing is stored."""
    broken, wrong = tmp_path / "broken.json", tmp_path / "wrong.json"
    broken.write_text("{", encoding="utf-8")
    wrong.write_text(json.dumps({"first_day": 3}), encoding="utf-8")

    assert "broken.json" in cli("offers", "policy", "--put", broken).complaint
    assert "first_day" in cli("offers", "policy", "--put", wrong).complaint
    assert cli.ask("offers", "policy")["first_days"] == 3
