"""The pure core: values and decisions, without I/O, clock, environment or subprocess.

Everything here is a function of its arguments: what was read is handed in, what is to be
done is handed out. ``workflows`` does the reading and doing through ``adapters``.
"""
