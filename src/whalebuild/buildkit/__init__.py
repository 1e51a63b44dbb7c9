"""What BuildKit reports while it builds: events, progress, metadata.

Also the protocol of the console that shows it. Nothing here depends on what is built. No I/O.
"""
