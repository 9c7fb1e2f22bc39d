"""The boxes that were chosen for a period, and what subscribers did about them."""
