"""PURE. SIP (RFC 3261) without I/O: bytes and instants in, bytes and facts out. No sockets, no clocks, no random numbers.

`message`, `headers`, `uri`, `parser`, `serializer`, `sdp`: the language. `transaction`, `dialog`, `agent`: the behaviour. What the
agent tells its user is in `fact`. Instants are integer monotonic nanoseconds (`now_ns`).
"""
