"""How each method of the experiment vectors is answered by public functions, and which are left out, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.experiments.inference.bayes import Prior, belief, chance_of_higher_rate
from models.experiments.inference.contrast import (
    Contrast,
    NotComputable,
    Scale,
    adjusted,
    adjusted_relative,
    contrast,
)
from models.experiments.inference.corrections import benjamini_hochberg, bonferroni, holm
from models.experiments.inference.fixed import two_sided, upper_bound
from models.experiments.inference.power import Aim, least_lift_of_rate, units_for_means, units_for_rates
from models.experiments.inference.sequence import sequence
from models.experiments.inference.srm import ALARM_BELOW, Split, sample_ratio
from models.experiments.inference.sums import Cases, Pairs, Sums, ratio
from models.experiments.inference.winsor import bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.experiments.inference.sums import Summary

Given = dict[str, Any]
Answer = dict[str, Any]


def _fixed(found: Contrast | NotComputable, alpha: float) -> Answer:
    assert isinstance(found, Contrast)
    tested = two_sided(found, alpha)
    return {
        "effect": found.effect,
        "se": found.se,
        "ci_low": tested.low,
        "ci_high": tested.high,
        "p_value": tested.p_value,
        "dof": found.dof,
        "t": found.effect / found.se,
    }


def _cases(given: Given, arm: str) -> Cases:
    return Cases(given[f"n_{arm}"], given[f"x_{arm}"])


def _mean(given: Given, arm: str) -> Sums:
    n, mean, sd = given[f"n_{arm}"], given[f"mean_{arm}"], given[f"sd_{arm}"]
    return Sums(n, n * mean, (n - 1) * sd * sd + n * mean * mean)


def _arm(given: Given, arm: str) -> Summary:
    return _cases(given, arm) if f"x_{arm}" in given else _mean(given, arm)


def _between(given: Given, scale: Scale) -> Contrast:
    found = contrast(_arm(given, "control"), _arm(given, "treatment"), scale)
    assert isinstance(found, Contrast)
    return found


def _welch(scale: Scale) -> Callable[[Given], Answer]:
    return lambda given: _fixed(_between(given, scale), given.get("alpha", 0.05))


def _column(given: Given, arm: int, name: str) -> list[float]:
    place = given["rows_columns"].index(name)
    return [row[place] for row in given["rows"] if row[0] == arm]


def _from_rows(scale: Scale) -> Callable[[Given], Answer]:
    def answer(given: Given) -> Answer:
        control, treatment = (Sums.of(_column(given, arm, given["metric"])) for arm in (0, 1))
        return _fixed(contrast(control, treatment, scale), given["alpha"])

    return answer


def _cuped(scale: Scale) -> Callable[[Given], Answer]:
    def answer(given: Given) -> Answer:
        control, treatment = (
            Pairs.of(_column(given, arm, given["metric"]), _column(given, arm, given["covariate"])) for arm in (0, 1)
        )
        moved_control, moved_treatment, theta = adjusted(control, treatment)
        found = (
            contrast(moved_control, moved_treatment, scale)
            if scale is Scale.ABSOLUTE
            else adjusted_relative(control, treatment)
        )
        before = contrast(_plain(control), _plain(treatment), Scale.ABSOLUTE)
        after = contrast(moved_control, moved_treatment, Scale.ABSOLUTE)
        assert isinstance(before, Contrast)
        assert isinstance(after, Contrast)
        explained = 1 - (after.se / before.se) ** 2
        return {**_fixed(found, given["alpha"]), "theta": theta, "variance_reduction_pooled": explained}

    return answer


def _plain(arm: Pairs) -> Sums:
    return Sums(arm.n, arm.y, arm.yy)


def _ratio_arm(given: Given, arm: str) -> Summary:
    found = ratio(
        Pairs(
            n=given[f"n_{arm}"],
            y=given[f"sum_num_{arm}"],
            x=given[f"sum_den_{arm}"],
            yy=given[f"sumsq_num_{arm}"],
            xx=given[f"sumsq_den_{arm}"],
            xy=given[f"sum_numden_{arm}"],
        )
    )
    assert found is not None
    return found


def _ratio(scale: Scale) -> Callable[[Given], Answer]:
    return lambda given: _fixed(
        contrast(_ratio_arm(given, "control"), _ratio_arm(given, "treatment"), scale), given["alpha"]
    )


def _ratio_from_rows(scale: Scale) -> Callable[[Given], Answer]:
    def answer(given: Given) -> Answer:
        arms = [
            ratio(Pairs.of(_column(given, arm, given["numerator"]), _column(given, arm, given["denominator"])))
            for arm in (0, 1)
        ]
        assert arms[0]
        assert arms[1]
        return _fixed(contrast(arms[0], arms[1], scale), given["alpha"])

    return answer


def _log_ratio(given: Given) -> Answer:
    found = _between(given, Scale.LOG_RATIO)
    tested = two_sided(found, given["alpha"])
    return {
        "log_ratio": found.effect,
        "se_log": found.se,
        "lift": found.shown(found.effect),
        "lift_ci_low": found.shown(tested.low),
        "lift_ci_high": found.shown(tested.high),
        "p_value": tested.p_value,
    }


def _sequence(given: Given) -> Answer:
    found = _between(given, Scale(given["difference"]))
    looked = sequence(found, tuning_n=given["tuning_n"], alpha=given["alpha"])
    return {
        "effect": found.effect,
        "ci_low": looked.low,
        "ci_high": looked.high,
        "p_value": looked.p_value,
        "rho": looked.rho,
    }


def _bayes(scale: Scale) -> Callable[[Given], Answer]:
    def answer(given: Given) -> Answer:
        sd = given["prior_sd"]
        held = belief(
            _between(given, scale), None if sd is None else Prior(given["prior_mean"], sd), given.get("alpha", 0.05)
        )
        return {
            "chance_to_win": held.chance_to_win,
            "effect": held.effect,
            "sd": held.sd,
            "ci_low": held.low,
            "ci_high": held.high,
            "risk_control": held.risk_control,
            "risk_treatment": held.risk_treatment,
        }

    return answer


def _beta_binomial(given: Given) -> Answer:
    prior = (given["prior_alpha"], given["prior_beta"])
    return {"prob": chance_of_higher_rate(_cases(given, "control"), _cases(given, "treatment"), prior=prior)}


def _split(given: Given) -> Split:
    found = sample_ratio(given["observed"], given["weights"])
    assert isinstance(found, Split)
    return found


def _one_sided(given: Given) -> Answer:
    high, p_value = upper_bound(_between(given, Scale(given["difference"])), given["alpha"])
    return {"ci_high": high, "p_value": p_value}


def _rates(given: Given) -> Answer:
    aim = Aim(alpha=given["alpha"], power=given["power"])
    return {"n_control_unpooled": units_for_rates(given["baseline"], given["relative_mde"], aim)}


def _means(given: Given) -> Answer:
    aim = Aim(alpha=given["alpha"], power=given["power"])
    mean, sd, lift = given["mean"], given["sd"], given["relative_mde"]
    return {
        "n_per_arm": units_for_means(mean, sd, lift, aim),
        "n_per_arm_with_cuped_r2_0.4": units_for_means(mean, sd, lift, aim, explained=0.4),
    }


def _least_lift(given: Given) -> Answer:
    aim = Aim(alpha=given["alpha"], power=given["power"])
    return {"relative_mde": least_lift_of_rate(given["baseline"], given["n_per_arm"], aim)}


def _winsor(given: Given) -> Answer:
    values = np.array(given["values"], dtype=np.float64)
    cap = bounds(values, given["quantile"], ignore_zeros=given["ignore_zeros"]).high
    kept = np.minimum(values, cap)
    return {"cap": cap, "mean": float(kept.mean()), "sd": float(kept.std(ddof=1))}


METHODS: Mapping[str, Callable[[Given], Answer]] = {
    "proportion_welch_absolute": _welch(Scale.ABSOLUTE),
    "proportion_welch_relative": _welch(Scale.RELATIVE),
    "mean_welch_absolute": _welch(Scale.ABSOLUTE),
    "mean_welch_relative": _welch(Scale.RELATIVE),
    "mean_welch_absolute_from_rows": _from_rows(Scale.ABSOLUTE),
    "mean_welch_relative_from_rows": _from_rows(Scale.RELATIVE),
    "cuped_absolute_from_rows": _cuped(Scale.ABSOLUTE),
    "cuped_relative_from_rows": _cuped(Scale.RELATIVE),
    "ratio_delta_absolute": _ratio(Scale.ABSOLUTE),
    "ratio_delta_relative": _ratio(Scale.RELATIVE),
    "ratio_delta_absolute_from_rows": _ratio_from_rows(Scale.ABSOLUTE),
    "ratio_delta_relative_from_rows": _ratio_from_rows(Scale.RELATIVE),
    "log_ratio_relative_lift": _log_ratio,
    "asymptotic_confidence_sequence": _sequence,
    "bayes_normal_relative": _bayes(Scale.RELATIVE),
    "bayes_normal_absolute": _bayes(Scale.ABSOLUTE),
    "beta_binomial_prob_treatment_beats_control": _beta_binomial,
    "srm_chi_squared": lambda given: {"chi2": _split(given).chi2, "p_value": _split(given).p_value},
    "srm_anytime_dirichlet_multinomial": lambda given: {
        "log_bayes_factor": _split(given).log_bayes_factor,
        "p_value_anytime": _split(given).anytime_p_value,
    },
    "srm_threshold": lambda _: {"alert_if_p_below": ALARM_BELOW},
    "one_sided_upper_bound": _one_sided,
    "sample_size_two_proportions": _rates,
    "sample_size_two_means_z": _means,
    "mde_relative_two_proportions": _least_lift,
    "adjust_p_holm": lambda given: {"adjusted": list(holm(given["p_values"]))},
    "adjust_p_benjamini_hochberg": lambda given: {"adjusted": list(benjamini_hochberg(given["p_values"]))},
    "adjust_p_bonferroni": lambda given: {"adjusted": list(bonferroni(given["p_values"]))},
    "winsorise_upper_quantile": _winsor,
}

LEFT_OUT: Mapping[str, str] = {
    "two_proportion_pooled_z": "one test a metric: the log-ratio scale's",
    "newcombe_diff_ci": "intervals are of the scale that decides",
    "wilson_ci": "a single arm's rate is shown without an interval; contrasts carry it",
    "fisher_exact_two_sided": "counts too small for the normal are not decided upon, they wait for the minimum sample",
    "msprt_normal_mixture_ci": "as printed it is 1.8 times as wide as a fixed interval; the asymptotic sequence replaces it",
    "group_sequential_obf_bounds": "looks need not be planned under a confidence sequence",
    "adjust_p_hommel": "Holm decides, Benjamini and Hochberg explore; a third would only invite choosing",
    "sample_size_two_means_t": "the planner works with the normal; the difference is two units",
}

UNREAD: Mapping[str, frozenset[str]] = {
    "sample_size_two_proportions": frozenset({"n_control_arcsine"}),  # the same plan by another effect size
}
