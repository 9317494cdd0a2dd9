"""Holds the only SIP sockets: UDP now; TCP, TLS and DNS (SRV) belong here."""
