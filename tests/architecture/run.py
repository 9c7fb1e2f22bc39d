"""`python -m tests.architecture.run`: prints each breach of a house rule as `path:line: rule message`, and ends with 1 if there is one."""

from __future__ import annotations

import sys

from tests.architecture import catalog, clean_text


def main() -> int:
    """Check the tree."""
    found = [*catalog.findings(), *clean_text.findings()]
    for each in found:
        sys.stdout.write(f"{each}\n")
    sys.stdout.write(f"{len(found)} breaches of the house rules\n" if found else "The house rules hold.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
