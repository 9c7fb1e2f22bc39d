"""What was watched of models that serve: scores kept until their outcome is known, and what each look at them found."""
