"""What customers will buy and spend, against papers, simulations and sums one can check by hand."""
