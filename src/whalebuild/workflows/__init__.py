"""Workflows: read, plan, act, result; they reach the world through what is handed to them."""
