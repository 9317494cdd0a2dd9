"""PURE. RTP on the wire: headers, the continuity of an outgoing stream, telephone events. Knows no sockets, samples or clocks."""
