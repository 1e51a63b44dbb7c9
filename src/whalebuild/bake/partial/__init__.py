"""Bakes that build one platform each: the part that each leaves, and publishing them together."""
