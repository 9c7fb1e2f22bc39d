"""`python -m tests.servers.browser`: whether there is a browser to drive. Prints its version, or what to install, and then ends with 1.

`make test-browser` asks this first, so that a missing browser is one readable line and not a page of errors.
"""

from __future__ import annotations

import sys

from tests.serving.browser.chromium import NoBrowserError, browser


def main() -> int:
    """Start a browser and end it."""
    try:
        with browser() as found:
            sys.stdout.write(f"The browser tests drive Chromium {found.version}.\n")
    except NoBrowserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
