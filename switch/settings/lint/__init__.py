"""What a config may say, but can hardly mean: warnings. Asked only of a config without errors, in its compiled form."""
