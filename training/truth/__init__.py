"""What jobs recover of simulated shops whose truth is known. Nothing else imports this."""
