"""The interpreter's pace where thousands of events pass at a time: a batch makes more objects than the usual pace expects.

At the interpreter's own pace it looks through every living object several times a batch, a quarter of the cost of storing it, and finds
nothing: events hold no cycles and are freed by their counts. What was there at the start is never looked at again. And the thread that
commits, back from each wait for the database, gets its turn before those that parse are through with theirs.
"""

from __future__ import annotations

import gc
import sys

_YOUNG = 50_000
_TURN_SECONDS = 0.0005


def settle() -> None:
    """Set what lives now aside, look at the young ones only when there are as many as a few batches make, and take short turns."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
    sys.setswitchinterval(_TURN_SECONDS)
