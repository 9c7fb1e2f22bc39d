"""What a customer is subscribed to: starting, quoting, changing and ending, each a use case of its own."""
