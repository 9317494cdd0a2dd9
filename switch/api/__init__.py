"""Money from outside: the desk where postings are taken, and the HTTP that advertisers post by."""
