"""Holds the only SIP sockets: UDP, TCP and TLS, over IPv4 and IPv6."""
