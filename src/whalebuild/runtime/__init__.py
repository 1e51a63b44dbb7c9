"""Retries, waiting and threads; a registry that is read, and pushed to, with retries.

Only here is tenacity.

The packages that do things are handed a retrier from here; they have no clock and no threads of
their own.
"""
