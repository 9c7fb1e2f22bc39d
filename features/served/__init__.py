"""What was served: a sample of the feature vectors that answers were made of, and the nightly proof that they were right."""
