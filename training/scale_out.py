"""The boosting rung over several machines: LightGBM's own Dask learner, behind the same call as the fit on one.

Rows are parted over the workers of a Dask cluster, which build each tree together (`tree_learner=data`: histograms travel, rows do not).
What comes back is the same kind of model, so calibration, the gate, cards and serving know no difference. Sums are added in another order
than on one machine: scores of single rows may differ, the figures of a model do not. Needs the extra `scale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import InvalidError, Kind, UptierError
from models.tabular.boosted import SHALLOW, Boosted

if TYPE_CHECKING:
    from models.tabular.boosted import BoostedSettings
    from models.tabular.table import Examples

FEWEST_ROWS_A_WORKER = 50
_ONLY_HERE = ("num_threads", "force_row_wise", "deterministic", "objective", "seed")


class DaskMissingError(InvalidError):
    """The libraries of the cluster are not installed here."""

    code = "dask_missing"


class ClusterAwayError(UptierError):
    """The cluster's scheduler cannot be reached, or it has no workers."""

    code = "cluster_away"
    kind = Kind.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Dask cluster by the address of its scheduler, such as `tcp://10.0.0.5:8786`."""

    address: str
    seconds: float = 30.0

    def grow(self, examples: Examples, *, settings: BoostedSettings = SHALLOW, seed: int = 0) -> Boosted:
        """As `fit_boosted`, over the cluster's workers. Raises DaskMissingError, ClusterAwayError."""
        try:
            distributed = import_module("distributed")
        except ImportError:
            raise DaskMissingError("training over a cluster needs the extra: pip install 'uptier[scale]'") from None
        try:
            client = distributed.Client(self.address, timeout=self.seconds, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterAwayError(f"no Dask scheduler answers at {self.address}", address=self.address) from error
        with client, client.as_current():  # LightGBM asks for the current one
            workers = list(client.scheduler_info()["workers"])
            if not workers:
                raise ClusterAwayError("the Dask cluster has no workers", address=self.address)
            texts = [_grown(client, len(workers), examples, settings, seed + bag) for bag in range(settings.bags)]
        return Boosted.from_parts({}, {"texts": texts})


def _grown(client: Any, workers: int, examples: Examples, settings: BoostedSettings, seed: int) -> str:
    """LightGBM's model file of one booster that the workers grew together."""
    from lightgbm.dask import DaskLGBMClassifier  # noqa: PLC0415 (loads Dask, an optional library, where it is there)

    arrays = import_module("dask.array")
    parameters = settings.parameters(len(examples), seed)
    rows = max(FEWEST_ROWS_A_WORKER, -(-len(examples) // workers))
    order = np.random.default_rng(seed).permutation(len(examples))  # parts that look alike: neighbours share a moment
    values = arrays.from_array(examples.table.values[order], chunks=(rows, examples.table.values.shape[1]))
    label = arrays.from_array(examples.label[order].astype(np.int64), chunks=rows)
    learner = DaskLGBMClassifier(
        client=client,
        n_estimators=settings.trees,
        n_jobs=1,
        random_state=seed,
        tree_learner="data",
        **{name: value for name, value in parameters.items() if name not in _ONLY_HERE},
    )
    learner.fit(values, label)
    return str(learner.booster_.model_to_string())
