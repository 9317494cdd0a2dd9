"""PURE. RTP on the wire: headers, the continuity of an outgoing stream, telephone events. Uses no sockets, samples or clocks."""
