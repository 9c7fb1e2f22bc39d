"""Pages for people: the storefront that shows the widget at work, and the operator's view. Rendered here, no build step."""
