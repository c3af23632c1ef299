"""The rules of production runs: tables and pure functions. No I/O, no clock, no framework; everything leans on this."""
