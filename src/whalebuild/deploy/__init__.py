"""Carries out what ``deployplan`` decided: pull, jobs, switch, wait for health, go back, record.

What a host, docker compose and the record do for it stands in ``deployplan.ports``.
"""
