"""One offer rule a file: from a context to the candidates it proposes."""
