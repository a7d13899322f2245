// Joins the room named by /join.json, shows the avatar, prints what it says. Nothing is loaded from elsewhere.
const { Room, RoomEvent, Track } = LivekitClient;
const face = document.getElementById('face');
const words = document.getElementById('words');
const state = document.getElementById('state');

async function join() {
  const { url, token } = await (await fetch('/join.json')).json();
  const room = new Room({ adaptiveStream: false });
  room.on(RoomEvent.TrackSubscribed, (track) => {
    if (track.kind === Track.Kind.Video) track.attach(face);
    else document.body.appendChild(track.attach());
    window.dispatchEvent(new CustomEvent('avatar-track', { detail: track }));
  });
  room.on(RoomEvent.Disconnected, () => { state.textContent = 'disconnected'; });
  room.on(RoomEvent.ParticipantAttributesChanged, (_, who) => {
    state.textContent = who.attributes['lk.agent.state'] || state.textContent;
  });
  room.registerTextStreamHandler('lk.transcription', async (reader) => {
    let text = '';
    for await (const part of reader) { text += part; words.textContent = text; }
  });
  document.getElementById('listen').onclick = () => room.startAudio();
  const interrupt = document.getElementById('interrupt');
  if (interrupt) interrupt.onclick = () => room.localParticipant.performRpc({
    destinationIdentity: 'agent', method: 'demo.interrupt', payload: '',
  });
  await room.connect(url, token);
  state.textContent = 'connected';
  return room;
}

window.avatarRoom = join();
