"""How long this process has been running. Imported first of all, so that nothing is left out."""

import time

_BEGAN = time.monotonic()


def seconds_running() -> float:
    """Seconds since this process began, but for the start of Python itself."""
    return time.monotonic() - _BEGAN
