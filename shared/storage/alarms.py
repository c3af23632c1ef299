"""Alarms: what a person must look at before it goes on by itself."""

MASS_LAPSE = "mass_lapse"
"""The sweep of deadlines stopped: it would end too many waits at once, so the clock may be wrong."""

FAILED_NOTICES = "failed_notices"
"""Notices could not be sent, however often it was tried: somebody does not hear what concerns them."""

RELEASE = """
INSERT INTO alarm (name, detail, released_until)
VALUES (%(name)s, 'released by an operator', clock_timestamp() + %(minutes)s * interval '1 minute')
ON CONFLICT (name) DO UPDATE SET released_until = excluded.released_until
"""
"""An operator looked: go on for so many minutes."""
