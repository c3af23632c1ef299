"""The groups of the `loomline` command, one module each. `services.operator.main` puts them together."""
