"""A compose project as values: its services, containers, health checks, names in networks.

Knows how compose writes them, and nothing of deployments. No I/O: ``docker.compose`` asks compose.
"""
