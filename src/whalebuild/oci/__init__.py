"""The contents of OCI registries as values: references, platforms, manifests, configurations.

Also :class:`~whalebuild.oci.registry.Registry`, the protocol for requests to registries. Nothing
here depends on BuildKit, bake files or ``:deps``. No I/O.
"""
