"""Rewrites Dockerfiles so that less runs after the code: what a plan offers as a patch.

Nothing here decides what is built. In doubt there is no rewrite.
"""
