"""whalebuild publishes a service image as two tags, ``:deps`` and ``:latest``."""

__version__ = "0.1.0"
