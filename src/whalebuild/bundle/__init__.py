"""The format that is published under ``:deps`` (docs/bundle.md).

An image index with the images, their caches, and a lock: what the images were made from. And what
is recorded with the application's image. Both are read and written as values; no I/O.
"""
