"""buildx's builders: their nodes, what each can build, choosing one, making one.

Asks through the protocols in ``builder.ports``; no I/O.
"""
