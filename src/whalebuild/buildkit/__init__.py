"""What BuildKit reports while it builds: events, progress, metadata.

Also the protocol of the console that shows it. Knows nothing of what is built or why. No I/O.
"""
