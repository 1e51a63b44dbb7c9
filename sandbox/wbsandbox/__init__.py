"""Brings up real Docker engines and a registry on a bare Debian machine."""
