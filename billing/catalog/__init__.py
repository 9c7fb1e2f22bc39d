"""What is sold: products, meters, features, plans and add-ons, and the frozen versions of them that customers buy."""
