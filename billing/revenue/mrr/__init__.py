"""Monthly recurring revenue: how it moved, by which movements, and beside what the books recognised."""
