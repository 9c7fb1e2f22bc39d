"""Telling a business's own services what happened: endpoints, deliveries in order, signed by the Standard Webhooks scheme."""
