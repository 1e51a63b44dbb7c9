"""Reads the user's files: bake files, settings, Dockerfiles, the files of a context.

Nothing here writes but ``new_files``, which adds files that are not there.
"""
