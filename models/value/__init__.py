"""What a customer is worth: how often they will come again, what they spend, how long a contract lasts, and how sure that is."""
