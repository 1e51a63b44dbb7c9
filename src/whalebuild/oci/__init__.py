"""What OCI registries hold, as values: references, platforms, manifests, configurations.

Also :class:`~whalebuild.oci.registry.Registry`, the protocol of what is asked of registries.
Nothing here knows of BuildKit, of bake files or of ``:deps``. No I/O.
"""
