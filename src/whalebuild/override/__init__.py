"""A compose override, so that ``docker compose build`` starts from what is published.

``match`` finds the pair that a service is built as, ``content`` what the service is given, and
``file`` has the text. No I/O, and no decision about what is published: that is a plan's.
"""
