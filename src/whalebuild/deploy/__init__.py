"""Runs what is published on a host: plan, pull, switch, wait for health, go back, record.

Reaches compose, the engine and the record through ``deploy.ports``; no I/O.
"""
