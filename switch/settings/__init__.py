"""The only YAML: a directory of it is loaded, checked and compiled to a deployment, or refused with everything that is wrong."""
