"""What `loomline doctor` looks at, one module for each thing that can be wrong. Each check says how it stands and what to do."""
