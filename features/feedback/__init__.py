"""What customers think, in a number and their words, and when each was last asked."""
