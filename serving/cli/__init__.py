"""The command line: one file a group, every command with help and an example."""
