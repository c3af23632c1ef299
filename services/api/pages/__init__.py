"""Pages for people: the portal of partners and the console of admins. They ask the same commands and read the same queries as the JSON API."""
