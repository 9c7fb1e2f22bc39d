"""The churn benchmark on a table: repeated stratified folds, our model beside its peers on the same rows, corrected paired tests.

Everything that learns (encodings, scales, tuning, blending, calibration) learns inside the fold. Differences between models are tested
with the variance of Nadeau and Bengio 2003, since folds share learning rows and the plain t test would find what is not there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedGroupKFold

from billing.kernel.errors import InvalidError
from models.metrics.classification import METRICS, calibration_floor
from models.tabular.blend import BlendConfig
from models.tabular.fit import fit_tabular
from training.bench.churn_file import read_churn_file
from training.bench.churn_peers import Peer, table_peers, tune_lightgbm
from training.bench.published import published_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.tabular.table import Examples, Floats
    from training.bench.churn_file import ChurnFile
    from training.bench.published import Published

    Rows = NDArray[np.int64]

OURS = "our ladder's blend"
MANY_ROWS = 20_000


class FoldsError(InvalidError):
    """The rows cannot be parted into so many folds."""

    code = "invalid_folds"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValues:
    """One metric of one model, a value a fold; `lead` is ours less theirs (paired), with its corrected t and two-sided p."""

    values: tuple[float, ...]
    lead: float | None = None
    t: float | None = None
    p: float | None = None

    @property
    def mean(self) -> float:
        """Over folds."""
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Over folds, with n - 1."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """One row of the report."""

    name: str
    metrics: dict[str, MetricValues]
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnReport:
    """`floor` is the mean ECE that an exactly honest model with our scores would show by chance alone on folds of this size."""

    file: str
    sha256: str
    rows: int
    columns: int
    positives: int
    positive: str
    folds: int
    repeats: int
    seed: int
    models: tuple[ModelFigures, ...]
    floor: float
    notes: tuple[str, ...]
    blends: tuple[str, ...]
    published: tuple[Published, ...]
    seconds: float


def bench_churn_table(
    path: Path,
    *,
    label: str,
    id_column: str = "",
    positive: str = "",
    drop: Sequence[str] = (),
    folds: int = 5,
    repeats: int | None = None,
    seed: int = 42,
    trials: int = 25,
    published: str = "",
    tell: Callable[[str], None] = lambda _words: None,
) -> ChurnReport:
    """Fit and judge every model on every fold. `trials` tune the peer; 0 leaves it at its default."""
    started = time.perf_counter()
    tell("reading the file")
    file = read_churn_file(path, label=label, id_column=id_column, positive=positive, drop=drop)
    examples, notes = file.examples, list(file.notes)
    if repeats is None:
        repeats = 5 if len(examples) <= MANY_ROWS else 1
        if repeats == 1:
            notes.append(f"one repeat, since there are more than {MANY_ROWS:,} rows; --repeats asks for more")
    parts = list(_parts(file, folds, repeats, seed))
    tuned = tune_lightgbm(examples.take(parts[0][0]), file.categorical, trials=trials, tell=tell)
    blends: list[str] = []
    ours = Peer(OURS, lambda train, asked: _ours(train, asked, file.categorical, seed, blends))
    models = [_judged(peer, examples, parts, tell) for peer in (*table_peers(file.categorical, tuned), ours)]
    mine, probabilities = models[-1]
    rng = np.random.default_rng(seed)
    return ChurnReport(
        file=path.name,
        sha256=file.sha256,
        rows=len(examples),
        columns=len(examples.table.columns),
        positives=examples.positives,
        positive=f"{label} = {file.positive}",
        folds=folds,
        repeats=repeats,
        seed=seed,
        models=(*(_compared(mine, theirs, parts) for theirs, _ in models[:-1]), mine),
        floor=float(np.mean([calibration_floor(one, rng=rng, draws=20) for one in probabilities])),
        notes=tuple(notes),
        blends=tuple(blends[:3]),
        published=published_for(file.sha256, published),
        seconds=time.perf_counter() - started,
    )


def _ours(train: Examples, asked: Examples, categorical: tuple[str, ...], seed: int, blends: list[str]) -> Floats:
    model = fit_tabular(train, categorical=categorical, config=BlendConfig(seed=seed))
    blends.append(getattr(model.rung, "how", model.rung.name))
    return model.probability(asked.table)


def _parts(file: ChurnFile, folds: int, repeats: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """(learning rows, judged rows) of each fold of each repeat; customers with several rows stay together."""
    label = file.examples.label
    if folds < 2 or file.examples.rarer < folds:
        raise FoldsError("every fold needs a case of both outcomes", folds=folds, cases=file.examples.rarer)
    if not file.repeats_customers:
        yield from RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=seed).split(label, label)
        return
    for repeat in range(repeats):
        grouped = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed + repeat)
        yield from grouped.split(label, label, file.examples.customers)


def _judged(
    peer: Peer, examples: Examples, parts: list[tuple[Rows, Rows]], tell: Callable[[str], None]
) -> tuple[ModelFigures, list[Floats]]:
    started = time.process_time()
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    probabilities = []
    for number, (train, judged) in enumerate(parts):
        tell(f"{peer.name}: fold {number + 1} of {len(parts)}")
        asked = examples.take(judged)
        found = peer.fit_score(examples.take(train), asked)
        probabilities.append(found)
        for name, metric in METRICS.items():
            values[name].append(metric(asked.label, found))
    metrics = {name: MetricValues(values=tuple(found)) for name, found in values.items()}
    seconds = time.process_time() - started
    return ModelFigures(name=peer.name, metrics=metrics, seconds=seconds, note=peer.note), probabilities


def _compared(ours: ModelFigures, theirs: ModelFigures, parts: list[tuple[Rows, Rows]]) -> ModelFigures:
    share = float(np.mean([judged.size / train.size for train, judged in parts]))
    metrics = {}
    for name, found in theirs.metrics.items():
        t, p = corrected_t(ours.metrics[name].values, found.values, judged_per_learned=share)
        lead = ours.metrics[name].mean - found.mean
        metrics[name] = MetricValues(values=found.values, lead=lead, t=t, p=p)
    return ModelFigures(name=theirs.name, metrics=metrics, seconds=theirs.seconds, note=theirs.note)


def corrected_t(
    ours: Sequence[float], theirs: Sequence[float], *, judged_per_learned: float
) -> tuple[float | None, float | None]:
    """The paired t over folds with the variance enlarged for shared learning rows, and its two-sided p (Nadeau and Bengio 2003).

    None where all differences are equal, or there is one fold.

    >>> t, p = corrected_t([0.9, 0.8, 0.85], [0.8, 0.75, 0.7], judged_per_learned=0.25)
    >>> round(t, 4), round(p, 4)
    (2.6186, 0.1201)
    """
    difference = np.asarray(ours) - np.asarray(theirs)
    count = difference.size
    spread = float(difference.var(ddof=1)) if count > 1 else 0.0
    if spread <= 0.0:
        return None, None
    t = float(difference.mean() / np.sqrt((1 / count + judged_per_learned) * spread))
    return t, float(2 * student.sf(abs(t), count - 1))
