"""Where in time a job trains, calibrates, chooses and is judged. Pure.

From the end backwards: the test moment, whose outcome window has just passed; the moment before it, whose customers are halved into
calibration and choice of rung; then the training moments. Outcome windows of one part never reach into the next part's moment.
"""

from __future__ import annotations

from dataclasses import dataclass

from billing.kernel.errors import ConflictError

DAY_US = 86_400_000_000
STEP_DAYS = 30
MOST_TRAINING_MOMENTS = 6
LEAST_PAST_DAYS = 30


class TooShortHistoryError(ConflictError):
    """The history is too short to train on its past and to be judged on its end."""

    code = "history_too_short"


@dataclass(frozen=True, slots=True)
class Moments:
    """Microseconds in UTC; `training` runs from old to new."""

    training: tuple[int, ...]
    choice: int
    test: int
    horizon_days: int


def plan_moments(first_us: int, until_us: int, *, horizon_days: int, allowance_days: int = 0) -> Moments:
    """The moments that a history from `first_us` to `until_us` allows; an error says how much is missing.

    >>> found = plan_moments(0, 200 * DAY_US, horizon_days=30)
    >>> [moment // DAY_US for moment in found.training], found.choice // DAY_US, found.test // DAY_US
    ([50, 80, 110], 140, 170)
    """
    horizon = horizon_days * DAY_US
    test = until_us - allowance_days * DAY_US - horizon
    choice = test - horizon
    newest = choice - horizon
    oldest = first_us + LEAST_PAST_DAYS * DAY_US
    if newest < oldest:
        have, need = (until_us - first_us) // DAY_US, 3 * horizon_days + allowance_days + LEAST_PAST_DAYS
        raise TooShortHistoryError(
            f"{have} days of history are known and {need} are needed to learn what happens within {horizon_days} days",
            have_days=have,
            need_days=need,
        )
    training = [newest - step * STEP_DAYS * DAY_US for step in range(MOST_TRAINING_MOMENTS)]
    return Moments(tuple(sorted(moment for moment in training if moment >= oldest)), choice, test, horizon_days)
