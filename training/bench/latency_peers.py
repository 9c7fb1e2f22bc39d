"""Times single-customer answers of RecTools and LensKit: run by their own interpreter (.venv-peers), on the split that it is handed.

Called as `python latency_peers.py split.npz answers.json`; imports nothing of ours. The split holds `row`, `col` (codes of customers and
items) and `asked` (codes of customers to answer for), the answer is a list of name, seconds to fit, and milliseconds a call.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

K = 20
WARM_UP = 5


def main() -> None:
    """Fit and time every peer; one that fails says so instead of its figures."""
    warnings.filterwarnings("ignore")
    split = np.load(sys.argv[1])
    row, col, asked = split["row"], split["col"], split["asked"].tolist()
    answers: list[dict[str, Any]] = []
    for library in (_rectools, _lenskit):
        try:
            answers += [_timed(name, fit, asked) for name, fit in library(row, col)]
        except Exception as error:  # noqa: BLE001 (one peer's trouble is not the other's)
            answers.append({"name": library.__name__.strip("_"), "error": f"{type(error).__name__}: {error}"[:300]})
    with open(sys.argv[2], "w", encoding="utf-8") as file:  # noqa: PTH123 (a script on its own)
        json.dump(answers, file)


def _timed(name: str, fit: Callable[[], Callable[[int], Any]], asked: list[int]) -> dict[str, Any]:
    started = time.perf_counter()
    answer = fit()
    seconds = time.perf_counter() - started
    for customer in asked[:WARM_UP]:
        answer(customer)
    calls, busy = [], []
    for customer in asked:
        begun, worked = time.perf_counter(), time.process_time()
        answer(customer)
        calls.append((time.perf_counter() - begun) * 1e3)
        busy.append((time.process_time() - worked) * 1e3)
    return {"name": name, "fit_seconds": seconds, "calls_ms": calls, "busy_ms": busy}


def _rectools(row: Any, col: Any) -> Iterator[tuple[str, Callable[[], Callable[[int], Any]]]]:
    import pandas as pd  # noqa: PLC0415 (the peers' own environment)
    from implicit.als import AlternatingLeastSquares  # noqa: PLC0415 (the peers' own environment)
    from rectools import Columns  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
    from rectools.dataset import Dataset  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
    from rectools.models import (  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
        EASEModel,
        ImplicitALSWrapperModel,
    )

    frame = pd.DataFrame({Columns.User: row, Columns.Item: col, Columns.Weight: 1.0})
    frame[Columns.Datetime] = pd.Timestamp("2020-01-01")
    dataset = Dataset.construct(frame)

    def fitted(model: Any) -> Callable[[int], Any]:
        model.fit(dataset)
        return lambda customer: model.recommend(users=[customer], dataset=dataset, k=K, filter_viewed=True)

    yield "RecTools EASE", lambda: fitted(EASEModel(regularization=500.0))
    yield (
        "RecTools ALS 64",
        lambda: fitted(ImplicitALSWrapperModel(AlternatingLeastSquares(factors=64, num_threads=1, random_state=0))),
    )


def _lenskit(row: Any, col: Any) -> Iterator[tuple[str, Callable[[], Callable[[int], Any]]]]:
    import pandas as pd  # noqa: PLC0415 (the peers' own environment)
    from lenskit import recommend  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
    from lenskit.als import ImplicitMFScorer  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
    from lenskit.data import from_interactions_df  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
    from lenskit.knn import ItemKNNScorer  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)
    from lenskit.pipeline import topn_pipeline  # type: ignore[import-not-found]  # noqa: PLC0415 (the peers' own environment)

    dataset = from_interactions_df(pd.DataFrame({"user_id": row, "item_id": col}))

    def fitted(scorer: Any) -> Callable[[int], Any]:
        pipeline = topn_pipeline(scorer, n=K)
        pipeline.train(dataset)
        return lambda customer: recommend(pipeline, customer, K)

    yield "LensKit ALS 64", lambda: fitted(ImplicitMFScorer(embedding_size=64))
    yield "LensKit item-kNN", lambda: fitted(ItemKNNScorer(max_nbrs=20, feedback="implicit"))


if __name__ == "__main__":
    main()
