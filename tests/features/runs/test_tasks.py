"""The names that the API and the commands know are those of the jobs there are."""

from __future__ import annotations

from features.runs.tasks import TASKS
from training.jobs import JOBS, SCORED


def test_every_job_has_its_name_in_its_place() -> None:
    """In the order in which they run; what is scored every night is a job."""
    assert tuple(JOBS) == TASKS
    assert set(JOBS) >= SCORED
