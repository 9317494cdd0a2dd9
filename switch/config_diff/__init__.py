"""What changes between two configs, in words."""
