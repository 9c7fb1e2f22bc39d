"""`uptier bench next-basket`: what the next basket holds, from files of baskets in order; repeats and new items told apart.

The shape is that of Li et al. 2023, "A Next Basket Recommendation Reality Check": a JSON object from customer to a list of baskets, each a
list of items, with `[-1]` as the first and last basket; one file of the past and one with the basket that came next. There are no dates, so
each customer's baskets are laid on a common clock, the last one a step before now: features as of a basket are features as of a step. All
that is learned is learned from the last baskets of the past file.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.sparse as sp

from billing.kernel.errors import InvalidError, NotFoundError
from models.metrics.interval import Interval, mean_interval, paired_difference
from models.recommender.choose import best_rows
from models.recommender.contract import Histories
from models.recommender.interactions import DAY_US, Interactions
from models.recommender.ranker.examples import batch_size
from models.recommender.ranker.fit import RankerConfig, RankerFit
from training.bench.next_basket_baselines import BASKET_BASELINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from models.recommender.contract import Fitted
    from models.recommender.interactions import Floats

    Progress = Callable[[str], None]

STEP_DAYS = 7
NOW_US = 20_000 * DAY_US
_LONGEST = 200  # baskets of one customer that are looked at, the newest


class BasketsFileError(InvalidError):
    """The file does not hold baskets in the expected shape."""

    code: ClassVar[str] = "invalid_baskets_file"


class BasketsFileMissingError(NotFoundError):
    """There is no such file."""

    code: ClassVar[str] = "baskets_file_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketModelRow:
    """One model: recall and NDCG of the next basket, recall of its repeats and of its new items, and the lead over the best baseline."""

    name: str
    is_baseline: bool
    recall: Interval
    ndcg: Interval
    repeats: Interval | None
    new: Interval | None
    lead: Interval | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NextBasketReport:
    """All models over the same customers."""

    history: str
    future: str
    customers: int
    items: int
    baskets: int
    repeat_share: float
    k: int
    seed: int
    rows: tuple[BasketModelRow, ...]
    total_seconds: float

    @property
    def verdict(self) -> str:
        """One sentence."""
        ours = next((row for row in self.rows if not row.is_baseline), None)
        if ours is None or ours.lead is None:
            return "Too few baskets to learn a ranking from: the baselines are all there is."
        if ours.lead.above_zero:
            return "The ranker beats the best baseline, with certainty."
        return "The ranker does not surely beat the best baseline."


@dataclass(frozen=True, slots=True)
class _Scored:
    recall: Floats
    ndcg: Floats
    repeats: Floats
    new: Floats


def bench_next_basket(
    history: Path, future: Path, *, k: int = 10, seed: int = 0, progress: Progress | None = None
) -> NextBasketReport:
    """Reads both files, learns from the past one, and ranks all items for each customer's next basket."""
    started = time.perf_counter()
    tell = progress or _silent
    tell("reading")
    past, later = read_baskets(history), read_baskets(future)
    known = on_a_clock(past)
    customers, truth = _truth(known, later)
    if not customers.size:
        raise BasketsFileError("no customer of the future file is in the history file", future=str(future))
    owned = _owned(known)
    rng = np.random.default_rng(seed)
    fits: list[tuple[Fitted, bool, float]] = []
    for fit in BASKET_BASELINES:
        begun = time.process_time()
        fitted = fit(known, NOW_US)
        fits.append((fitted, True, time.process_time() - begun))
    begun = time.process_time()
    config = RankerConfig(horizon_days=STEP_DAYS, baskets=0, seed=seed)
    ranker = RankerFit(known, config=config, progress=tell).fitted(NOW_US)
    if ranker is not None:
        fits.append((ranker, False, time.process_time() - begun))
    results = []
    for fitted, _, _ in fits:
        tell(f"ranking with {fitted.name}")
        results.append(_score(fitted, known, customers, truth, owned, k=k))
    baselines = [place for place, (_, is_baseline, _) in enumerate(fits) if is_baseline]
    best = max(baselines, key=lambda place: float(results[place].recall.mean()))
    rows = tuple(
        BasketModelRow(
            name=fitted.name,
            is_baseline=is_baseline,
            recall=mean_interval(found.recall, rng=rng),
            ndcg=mean_interval(found.ndcg, rng=rng),
            repeats=_mean_known(found.repeats, rng),
            new=_mean_known(found.new, rng),
            lead=None if place == best else paired_difference(found.recall, results[best].recall, rng=rng),
            seconds=seconds,
        )
        for place, ((fitted, is_baseline, seconds), found) in enumerate(zip(fits, results, strict=True))
    )
    repeated = truth.multiply(owned[customers]).sum() / max(truth.sum(), 1)
    return NextBasketReport(
        history=history.name,
        future=future.name,
        customers=int(customers.size),
        items=int(known.items.size),
        baskets=sum(len(baskets) for baskets in past.values()),
        repeat_share=float(repeated),
        k=k,
        seed=seed,
        rows=rows,
        total_seconds=time.perf_counter() - started,
    )


def to_json(report: NextBasketReport) -> str:
    """The report as JSON, with the verdict."""
    return json.dumps({**asdict(report), "verdict": report.verdict}, indent=1)


def read_baskets(path: Path) -> dict[str, list[list[str]]]:
    """Each customer's baskets in order, without the marks at the ends and without empty ones; items as text."""
    if not path.is_file():
        raise BasketsFileMissingError(f"there is no file {path}", path=str(path))
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise BasketsFileError(f"{path.name} is not JSON: {error}", path=str(path)) from error
    shaped = isinstance(found, dict) and all(
        isinstance(baskets, list) and all(isinstance(basket, list) for basket in baskets) for baskets in found.values()
    )
    if not shaped:
        raise BasketsFileError(
            f"{path.name} is an object from customer to a list of baskets, each a list of items", path=str(path)
        )
    return {
        str(customer): [[str(item) for item in basket] for basket in baskets if basket and basket != [-1]]
        for customer, baskets in found.items()
    }


def on_a_clock(past: dict[str, list[list[str]]]) -> Interactions:
    """The baskets as interactions: a customer's last basket one step before now, the one before two steps."""
    customer: list[str] = []
    item: list[str] = []
    at_us: list[int] = []
    for name, baskets in past.items():
        for back, basket in enumerate(reversed(baskets[-_LONGEST:]), start=1):
            customer += [name] * len(basket)
            item += basket
            at_us += [NOW_US - back * STEP_DAYS * DAY_US] * len(basket)
    if not customer:
        raise BasketsFileError("the history file holds no basket")
    return Interactions.from_columns(customer, item, at_us)


def _truth(known: Interactions, later: dict[str, list[list[str]]]) -> tuple[NDArray[np.int64], sp.csr_matrix]:
    """The codes of customers with a next basket, and its items; what the past has never seen counts as missed."""
    codes = {name: code for code, name in enumerate(known.customers.tolist())}
    index = {name: code for code, name in enumerate(known.items.tolist())}
    chosen = [(codes[name], baskets[0]) for name, baskets in later.items() if name in codes and baskets]
    unseen: dict[str, int] = {}
    rows: list[int] = []
    cols: list[int] = []
    for row, (_, basket) in enumerate(chosen):
        for item in set(basket):
            rows.append(row)
            cols.append(index[item] if item in index else known.items.size + unseen.setdefault(item, len(unseen)))
    width = known.items.size + len(unseen)
    table = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(chosen), width))
    return np.array([code for code, _ in chosen], dtype=np.int64), table


def _owned(known: Interactions) -> sp.csr_matrix:
    row, col, _ = known.latest()
    return sp.csr_matrix((np.ones(row.size), (row, col)), shape=(known.customers.size, known.items.size))


def _score(
    fitted: Fitted,
    known: Interactions,
    customers: NDArray[np.int64],
    truth: sp.csr_matrix,
    owned: sp.csr_matrix,
    *,
    k: int,
) -> _Scored:
    """The ideal list of NDCG is cut at k; repeats and new items are shares of what the basket holds of each, NaN where it holds none."""
    parts = list(_lists(fitted, known, customers, k=k))
    chosen = np.concatenate(parts)
    items = known.items.size
    size = np.diff(truth.indptr)
    rows = np.arange(customers.size)[:, None]
    hits = np.asarray(truth[rows, np.maximum(chosen, 0)].todense()) * (chosen >= 0)
    mine = np.asarray(owned[customers][rows, np.maximum(chosen, 0)].todense()) > 0
    repeats = np.asarray(truth[:, :items].multiply(owned[customers]).sum(axis=1)).ravel()
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(size, k) - 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return _Scored(
            recall=hits.sum(axis=1) / size,
            ndcg=(hits * discount).sum(axis=1) / ideal,
            repeats=(hits * mine).sum(axis=1) / np.where(repeats > 0, repeats, np.nan),
            new=(hits * ~mine).sum(axis=1) / np.where(size > repeats, size - repeats, np.nan),
        )


def _lists(fitted: Fitted, known: Interactions, customers: NDArray[np.int64], *, k: int) -> Iterator[NDArray[np.int64]]:
    step = batch_size(known.items.size)
    for start in range(0, customers.size, step):
        histories = Histories.of(known, customers[start : start + step], NOW_US)
        scores = fitted.score(histories)
        yield best_rows(scores, np.ones(scores.shape, dtype=np.bool_), k)


def _mean_known(values: Floats, rng: np.random.Generator) -> Interval | None:
    present = values[np.isfinite(values)]
    return mean_interval(present, rng=rng) if present.size else None


def _silent(_: str) -> None:
    """Progress that nobody watches."""
