"""Takes postings about money from outside: the one writer of postings, and the HTTP API that advertisers post by."""
