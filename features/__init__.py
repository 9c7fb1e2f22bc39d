"""What is known of a customer as of a moment: feature views, scores, segments and decisions. Knows no model and no HTTP."""
