"""PURE. Webhooks: who is told of what happens to calls, what each owner may see, how a request is written, and when it is tried again."""
