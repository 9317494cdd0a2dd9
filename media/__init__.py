"""Audio: the pure parts (`dsp`, `rtp`), and the relay worker, a process of its own with the only RTP sockets."""
