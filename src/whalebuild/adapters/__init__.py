"""Adapters at the edge: the engine, the source tree, settings files and the terminal."""
