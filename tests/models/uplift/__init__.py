"""What a treatment changes, against experiments whose truth is known."""
