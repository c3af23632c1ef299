"""The console: what admins and operators do, from a desk."""
