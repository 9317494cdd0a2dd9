"""The only SIP sockets: UDP now; TCP, TLS and DNS (SRV) come here."""
