"""Success and the programme's earnings as documents, tables, a page, and one file that needs nothing else."""
