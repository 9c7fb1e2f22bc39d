"""What was handed out: which fields of which members, how it is written, the manifest of each file, and the record that it happened."""
