"""The peer: habits as a course teaches them, with Django, DRF, SimpleJWT and Celery.

It does the same job in the usual way: no events, no outbox, no once-each record. `PEER_TUNED` makes
it what an experienced team would make of it: connections that stay, an index under the minute task.
"""
