// Plays µ-law that comes in pieces: waits until DELAY samples are there, and drops what has piled up beyond MOST. At 8 kHz.
const DELAY = 1600; // 200 ms
const MOST = 4800; // 600 ms

function linear(code) {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 132) << ((inverted & 0x70) >> 4)) - 132;
  return (inverted & 0x80 ? -magnitude : magnitude) / 32768;
}

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.table = Float32Array.from({ length: 256 }, (_, code) => linear(code));
    this.pieces = [];
    this.offset = 0;
    this.waiting = 0;
    this.isPlaying = false;
    this.port.onmessage = (event) => {
      this.pieces.push(event.data);
      this.waiting += event.data.length;
      if (this.waiting > MOST) this.skip(this.waiting - DELAY);
    };
  }

  skip(count) {
    for (let left = count; left > 0; ) {
      const piece = this.pieces[0];
      const taken = Math.min(left, piece.length - this.offset);
      this.advance(piece, taken);
      left -= taken;
    }
  }

  advance(piece, count) {
    this.offset += count;
    this.waiting -= count;
    if (this.offset === piece.length) {
      this.pieces.shift();
      this.offset = 0;
    }
  }

  process(_inputs, outputs) {
    const out = outputs[0][0];
    if (!this.isPlaying && this.waiting < DELAY) return true;
    this.isPlaying = true;
    let filled = 0;
    while (filled < out.length && this.pieces.length) {
      const piece = this.pieces[0];
      const count = Math.min(out.length - filled, piece.length - this.offset);
      for (let i = 0; i < count; i++) out[filled + i] = this.table[piece[this.offset + i]];
      this.advance(piece, count);
      filled += count;
    }
    if (filled < out.length) this.isPlaying = false; // it ran dry: gather anew
    return true;
  }
}

registerProcessor("ulaw-player", Player);
