"""Carries out a plan: builds, pushes, verifies, publishes both tags.

``bake.partial`` is for bakes that build one platform each, and their merge. Reaches the engine
and the registry through protocols; no I/O.
"""
