"""How good a model is, with the uncertainty of the answer: metrics are pure functions of arrays."""
