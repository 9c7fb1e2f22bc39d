"""What became of the customers whom personalization could have made a difference to, added up beside those who were held out."""
