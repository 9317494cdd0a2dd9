"""Call tests: a call and what is expected of it, written beside the config (`payphone test`)."""
