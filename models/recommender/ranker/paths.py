"""Why trees say what they say, exactly and fast: each leaf's value is its tree's root plus one step for every split on the way.

A step belongs to the feature that was split on (Saabas 2014). Summed over trees, the steps and the roots are the score itself, to the last
digits. Steps by group of features are made once for each leaf, so that explaining a list costs one look-up a tree, where exact
TreeSHAP of the same trees takes longer than everything else in an answer together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import lightgbm
    from numpy.typing import NDArray

    from models.recommender.interactions import Floats


@dataclass(frozen=True, slots=True, eq=False)
class LeafSteps:
    """`values` has shape (all leaves,), `steps` (all leaves, groups); tree t's leaves begin at `begins[t]`; `root` is the sum of roots."""

    values: Floats
    steps: Floats
    begins: NDArray[np.int64]
    root: float

    def leaves(self, booster: lightgbm.Booster, table: NDArray[np.float32]) -> NDArray[np.int64]:
        """Shape (pairs, trees): the leaf that each pair falls into: the one walk through the trees, for score and reasons alike."""
        if not table.shape[0]:
            return np.zeros((0, self.begins.size), dtype=np.int64)
        found = np.asarray(booster.predict(table, pred_leaf=True, num_threads=1)).reshape(table.shape[0], -1)
        return found.astype(np.int64) + self.begins

    def score(self, leaves: NDArray[np.int64]) -> Floats:
        """Shape (pairs,): the raw scores."""
        raw: Floats = self.values[leaves].sum(axis=1)
        return raw

    def explain(self, leaves: NDArray[np.int64]) -> Floats:
        """Shape (pairs, groups): what each group adds to the raw score above the root."""
        added: Floats = self.steps[leaves].sum(axis=1)
        return added


def leaf_steps(booster: lightgbm.Booster, group_of: Sequence[int], groups: int) -> LeafSteps:
    """The steps of a booster; `group_of` has the group of each feature."""
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    blocks = [_steps(tree, group_of, groups) for tree in trees]  # the last column is the leaf's value
    begins = np.cumsum([0, *(block.shape[0] for block in blocks[:-1])]) if blocks else np.zeros(0)
    root = sum(_value(tree) for tree in trees)
    whole = np.concatenate(blocks) if blocks else np.zeros((0, groups + 1))
    steps = np.ascontiguousarray(whole[:, :groups])
    return LeafSteps(np.ascontiguousarray(whole[:, groups]), steps, begins.astype(np.int64), float(root))


def _steps(tree: dict[str, Any], group_of: Sequence[int], groups: int) -> Floats:
    """Shape (leaves of the tree, groups + 1), in order of leaf index: the steps, then the leaf's value."""
    found: dict[int, Floats] = {}
    open_nodes = [(tree, np.zeros(groups))]
    while open_nodes:
        node, so_far = open_nodes.pop()
        if "split_feature" not in node:
            found[int(node.get("leaf_index", 0))] = np.r_[so_far, _value(node)]
            continue
        for side in ("left_child", "right_child"):
            child, here = node[side], so_far.copy()
            here[group_of[node["split_feature"]]] += _value(child) - _value(node)
            open_nodes.append((child, here))
    return np.stack([found[leaf] for leaf in range(len(found))])


def _value(node: dict[str, Any]) -> float:
    return float(node["internal_value"] if "split_feature" in node else node["leaf_value"])
