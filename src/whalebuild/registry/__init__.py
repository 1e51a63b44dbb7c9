"""The HTTP client for registries: logins, tokens, proxies, mirrors, TLS.

Implements ``oci.registry.Registry``. Never retries: ``runtime.retrier`` does.
"""
