"""The portal: a partner's whole work, from a phone."""
