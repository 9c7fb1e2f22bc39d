"""One job a file: what it learns, how it is judged, what is published and what is scored."""
