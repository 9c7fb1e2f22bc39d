"""What a business decides about its offers: limits on showing them, quiet hours, who is held out, and what is switched off."""
