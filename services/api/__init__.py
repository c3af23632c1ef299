"""The gateway: authenticates, parses, asks, renders. It knows no broker and decides nothing the tables do not."""
