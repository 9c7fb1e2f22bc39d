"""The benchmark of offers at a small size: the pipeline beats the rule, and the report holds the truth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from models.success.incremental import Incremental
from training.simulate.offers import WORLDS
from training.truth.offers import UnknownWorldError, WorldReport, bench_world, ratio_of_sums, worlds_named
from training.truth.offers_table import render, to_json


@pytest.fixture(scope="module")
def report() -> WorldReport:
    """Two shops of 500 customers over 16 weeks, three in ten held out."""
    return bench_world(replace(WORLDS[0], customers=500, weeks=16, holdout=0.3), range(2))


def test_the_pipeline_truly_brings_more_than_the_rule(report: WorldReport) -> None:
    """By the truth, on the same customers, by the margin that is wanted; with more reasons to offer than a limit."""
    assert report.true_ratio.mean >= 1.3
    assert all(seed.pipeline.offered > seed.rule.offered for seed in report.seeds)
    assert all(seed.pipeline.shown >= seed.pipeline.accepted > 0 for seed in report.seeds)


def test_the_report_sees_the_books_alone_and_holds_the_truth(report: WorldReport) -> None:
    """Both shops' intervals; a total is the difference of each of the offered."""
    covered, given = report.covered()

    assert (covered, given) == (2, 2)
    for seed in report.seeds:
        found = seed.pipeline.revenue
        assert isinstance(found, Incremental)
        assert found.total == pytest.approx(found.difference * seed.pipeline.offered)
        assert (found.offered, found.held_out) == (seed.pipeline.offered, seed.pipeline.held_out)


def test_the_text_and_the_document_say_the_same(report: WorldReport) -> None:
    """Ratios and coverage in both."""
    document = json.loads(to_json([report]))[0]

    assert document["true_ratio"]["mean"] == report.true_ratio.mean
    assert (document["pipeline"]["covered"], document["pipeline"]["given"]) == report.covered()
    assert f"true {report.true_ratio.mean:.2f}" in render([report])


def test_a_ratio_of_nothing_is_no_number() -> None:
    """Where nothing was said, or nothing earned."""
    assert np.isnan(ratio_of_sums([], np.random.default_rng(0)).mean)
    assert np.isnan(ratio_of_sums([(-1.0, 5.0)], np.random.default_rng(0)).mean)


def test_a_world_is_found_by_its_name() -> None:
    """All for none; a name that is not known is told with those that are."""
    assert worlds_named(()) == WORLDS
    assert [world.name for world in worlds_named(["thin margins"])] == ["thin margins"]
    with pytest.raises(UnknownWorldError):
        worlds_named(["nowhere"])
