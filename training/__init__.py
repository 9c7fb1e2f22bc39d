"""Jobs that turn history into registered models: dataset, split, fit, evaluate, gate, register, promote."""
