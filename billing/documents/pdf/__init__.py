"""A document drawn on A4 pages: what goes where (`paging`), how it looks (`style`, `sheet`), its parts, and the file (`render`)."""
