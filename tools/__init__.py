"""The programs behind the Makefile: python -m tools.steps works without make."""

# An older Python, too, must be able to read this file, and say what it lacks.
# ruff: noqa: UP031, UP036

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "This project needs Python 3.11 or newer, but this is Python %d.%d."
        % sys.version_info[:2]
    )
