"""What a deploy or a rollback is going to do: versions, configurations, sizes, and what is left.

It looks at a host, a registry and the record, and changes nothing; ``deploy`` carries it out.
"""
