"""PURE. SIP (RFC 3261) without I/O: bytes and instants in, bytes and facts out. No sockets, no clocks, no random numbers.

`message`, `headers`, `requests`, `sdp`: the language. `transaction`, `legs`, `session`, `agent`: the behaviour. What the
agent reports to its user is in `fact`. Instants are integer monotonic nanoseconds (`now_ns`).
"""
