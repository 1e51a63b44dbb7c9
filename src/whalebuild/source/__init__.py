"""The user's files: bake files, settings, Dockerfiles, the files of a context.

Reads only; nothing here writes.
"""
