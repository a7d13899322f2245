// Measures when the page gets sound and pictures, takes a still, and posts everything to /report, again and again.
// What the sound card and the screen add on top is their own (see `device`); the fake sound card of a headless
// browser says 30-40 ms.
const seconds = Number(new URLSearchParams(location.search).get('seconds') || 12);
const video = document.getElementById('face');
const pictures = [];  // [time it was handed to the screen, its RTP time (both ms), mean green, green of 32x16 around the mouth]
let device = () => ({});
const sounds = [];    // [time the page gets it, the sound's own time (both ms), rms] per 128 samples
const small = document.createElement('canvas');
small.width = 64; small.height = 36;
const paint = small.getContext('2d', { willReadFrequently: true });

const worklet = `registerProcessor('meter', class extends AudioWorkletProcessor {
  process(inputs) {
    const channel = inputs[0][0];
    if (channel) {
      let sum = 0;
      for (const value of channel) sum += value * value;
      this.port.postMessage([currentTime, Math.sqrt(sum / channel.length)]);
    }
    return true;
  }
})`;

window.addEventListener('avatar-track', async ({ detail: track }) => {
  if (track.kind !== 'audio') return;
  const context = new AudioContext();
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
  const meter = new AudioWorkletNode(context, 'meter');
  const mute = new GainNode(context, { gain: 0 });
  context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(meter);
  meter.connect(mute).connect(context.destination);
  meter.port.onmessage = ({ data: [at, level] }) => sounds.push([performance.now(), 1000 * at, level]);
  device = () => ({ baseMs: 1000 * context.baseLatency, outputMs: 1000 * context.outputLatency });
});

function look(_, told) {
  paint.drawImage(video, 0, 0, 64, 36);
  const pixels = paint.getImageData(0, 0, 64, 36).data;
  let all = 0;
  for (let at = 1; at < pixels.length; at += 4) all += pixels[at];
  // the middle of the bust framing, where the mouth is
  const { videoWidth: w, videoHeight: h } = video;
  paint.drawImage(video, 0.45 * w, 0.42 * h, 0.1 * w, 0.12 * h, 0, 0, 32, 16);
  const lips = paint.getImageData(0, 0, 32, 16).data;
  const mouth = [];
  for (let at = 1; at < lips.length; at += 4) mouth.push(lips[at]);
  pictures.push([told.presentationTime, told.rtpTimestamp / 90, all / (64 * 36), mouth]);
  video.requestVideoFrameCallback(look);
}
video.requestVideoFrameCallback(look);

async function stats() {
  const room = await window.avatarRoom;
  const found = {};
  for (const who of room.remoteParticipants.values()) {
    for (const publication of who.trackPublications.values()) {
      const report = await publication.track?.getRTCStatsReport?.();
      report?.forEach((item) => {
        if (item.type !== 'inbound-rtp') return;
        found[item.kind] = {
          jitterBufferMs: 1000 * item.jitterBufferDelay / Math.max(1, item.jitterBufferEmittedCount),
          decoded: item.framesDecoded, dropped: item.framesDropped, decoder: item.decoderImplementation,
          concealed: item.concealedSamples, total: item.totalSamplesReceived,
        };
      });
    }
  }
  return found;
}

window.avatarRoom.then(async () => {
  await fetch('/report', { method: 'POST', body: JSON.stringify({ joined: true }) });
  for (;;) {
    await new Promise((done) => setTimeout(done, 1000 * seconds));
    const still = document.createElement('canvas');
    still.width = video.videoWidth; still.height = video.videoHeight;
    still.getContext('2d').drawImage(video, 0, 0);
    const body = JSON.stringify({
      pictures: pictures.splice(0), sounds: sounds.splice(0), currentTime: video.currentTime,
      width: video.videoWidth, height: video.videoHeight,
      stats: await stats(), device: device(), still: still.toDataURL('image/png'),
    });
    await fetch('/report', { method: 'POST', body });
  }
}).catch((error) => fetch('/report', { method: 'POST', body: JSON.stringify({ failed: String(error) }) }));
