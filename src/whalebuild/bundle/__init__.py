"""The format that is published under ``:deps`` (docs/bundle.md).

An index with the images, their caches and a lock: what it was made from. And what is recorded
with the application's image. Read and written here as values; no I/O.
"""
