"""Purchases expected of somebody who buys at a gamma-distributed rate and leaves after each purchase with a beta-distributed chance.

With rate ~ Gamma(shape, per) and chance p ~ Beta(a, b) the expectation over the next t is E[(1 - exp(-rate p t)) / p]. Its closed form
(Fader, Hardie and Lee 2005, equations 9 and 10) overflows for frequent buyers as printed; Euler's transformation of the hypergeometric
function takes the large power away. Where the closed form divides nothing by nothing (a near 1, a + b near or below 1) the
same expectation is integrated over time instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import hyp2f1

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_NEAR_ONE = 1e-3
_SMALL_SUM = 0.05


def expected_while_leaving(shape: ArrayLike, per: ArrayLike, a: ArrayLike, b: ArrayLike, t: float) -> Floats:
    """The expectation over a time `t` for each of the broadcast parameters; 0 for no time.

    >>> round(float(expected_while_leaving(2.0, 4.0, 1e-9, 1.0, 10.0)), 6)  # nobody leaves: t * shape / per
    5.0
    """
    r, beta, dies, stays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (shape, per, a, b)))
    if t <= 0:
        return np.zeros(r.shape)
    answer = np.empty(r.shape)
    delicate = (np.abs(dies - 1) < _NEAR_ONE) | (dies + stays - 1 < _SMALL_SUM)
    plain = ~delicate
    answer[plain] = _closed(r[plain], beta[plain], dies[plain], stays[plain], t)
    unsure = plain & ~np.isfinite(answer)
    again = delicate | unsure
    answer[again] = _integrated(r[again], beta[again], dies[again], stays[again], t)
    return answer


def _closed(r: Floats, beta: Floats, a: Floats, b: Floats, t: float) -> Floats:
    """(a+b-1)/(a-1) * [1 - (1-z)^(a-1) F(a+b-1-r, a-1; a+b-1; z)] with z = t/(beta+t)."""
    z = t / (beta + t)
    tail = np.exp((a - 1) * np.log(beta / (beta + t))) * hyp2f1(a + b - 1 - r, a - 1, a + b - 1, z)
    return np.asarray((a + b - 1) / (a - 1) * (1 - tail))


def _integrated(r: Floats, beta: Floats, a: Floats, b: Floats, t: float) -> Floats:
    """The integral over s of E[rate exp(-rate p s)] = r/beta F(r+1, a; a+b; -s/beta), with s = beta (exp(u) - 1)."""
    far = np.log1p(t / beta)[:, np.newaxis]
    u = far * (_NODES + 1) / 2
    grown = np.expm1(u)
    rows = (value[:, np.newaxis] for value in (r, a, b))
    shape, dies, stays = rows
    still = np.exp(-dies * u) * hyp2f1(dies, dies + stays - shape - 1, dies + stays, grown / (1 + grown))
    return np.asarray((shape * np.exp(u) * still * far / 2) @ _WEIGHTS)
