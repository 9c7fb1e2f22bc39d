"""What a customer may use: rights granted by plans, add-ons and overrides, and the one gate that answers for them."""
