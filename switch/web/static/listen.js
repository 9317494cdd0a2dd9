// Listening in. A button with data-listen="URL" starts it, from wherever it stands; the bar #listening shows it and ends it. One call at a time.
// µ-law at 8 kHz comes by one HTTP answer that lasts as long as the call, and goes to an AudioWorklet.
"use strict";
const RATE = 8000;
const WORKLET = document.currentScript.dataset.worklet;
let current = null;

class Listening {
  constructor(bar, url, name) {
    this.bar = bar;
    this.url = url;
    this.name = name;
    this.abort = new AbortController();
    this.context = null;
  }

  async run() {
    this.show(`Listening to ${this.name} …`);
    try {
      this.context = new AudioContext({ sampleRate: RATE });
      await this.context.audioWorklet.addModule(WORKLET);
      const player = new AudioWorkletNode(this.context, "ulaw-player", { numberOfInputs: 0, outputChannelCount: [1] });
      player.connect(this.context.destination);
      await this.play(player.port);
      this.end("The call has ended.");
    } catch (error) {
      this.end(this.abort.signal.aborted ? "" : `Can't listen: ${error.message}`);
    }
  }

  async play(port) {
    const answer = await fetch(this.url, { signal: this.abort.signal, cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.text()) || answer.statusText);
    const reader = answer.body.getReader();
    this.show(`Listening to ${this.name}: nobody hears you.`);
    for (let part = await reader.read(); !part.done; part = await reader.read()) port.postMessage(part.value);
  }

  stop() {
    this.abort.abort();
  }

  end(said) {
    if (this.context) this.context.close();
    if (current === this) current = null;
    this.show(said, !said);
  }

  show(said, isHidden = false) {
    this.bar.querySelector("[data-said]").textContent = said;
    this.bar.querySelector("[data-stop]").hidden = current !== this;
    this.bar.hidden = isHidden;
  }
}

document.addEventListener("click", (event) => {
  const bar = document.getElementById("listening");
  const button = event.target.closest("[data-listen]");
  if (button) {
    if (current) current.stop();
    current = new Listening(bar, button.dataset.listen, button.dataset.name);
    current.run();
  } else if (event.target.closest("#listening [data-stop]")) {
    if (current) current.stop();
  } else if (event.target.closest("#listening [data-close]")) {
    bar.hidden = true;
  }
});
