"""What customers bought in the shop: lines of orders, imported or reported, from which tastes and habits are learned."""
