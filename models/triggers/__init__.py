"""What in a customer's doings is worth answering: facts in, signals out, each a pure function of what is known at a moment."""
