"""The storefront widget: one script without dependencies that a shop's page loads; see static/uptier.js."""
