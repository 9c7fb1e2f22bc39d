"""The shells: HTTP API, pages, widget, worker and command line. No rules of its own."""
