"""What a registry has published, and what a host of it: inspect, diff, the next pull.

Reads manifests through ``oci.registry`` and a host through ``published.ports``. Publishes
nothing; no I/O.
"""
