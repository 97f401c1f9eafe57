// A bot on the page's own client, under Node: `node assets/examples/bot.mjs ws://127.0.0.1:8080/ws 30`
// Node 20 needs --experimental-websocket; from Node 22 on there is nothing to install and nothing to say.
import { BUTTON } from '../web/client/codec.js';
import { Game } from '../web/client/game.js';

const [url = 'ws://127.0.0.1:8080/ws', seconds = '30'] = process.argv.slice(2);
const outside = { WebSocket, now: () => performance.now(), random: Math.random, setTimeout, clearTimeout };
const game = new Game(url, outside, { status: ({ phase, text }) => console.log(phase, text) });

function controls() {
  const { x, y } = game.predictor.body; // the own ship, a little ahead of the server
  const far = (at) => Math.hypot(at.x - x, at.y - y);
  const nearest = (all) => all.reduce((a, b) => (far(b) < far(a) ? b : a), all[0]);
  const angle = (at) => (at ? Math.atan2(at.y - y, at.x - x) / Math.PI : 0); // -1..1 is a full turn
  const [shard, prey] = [nearest(game.view.pickups.filter((p) => p.kind === 'shard')), nearest(game.view.ships)];
  const buttons = prey && far(prey) < 400 * 256 ? BUTTON.FIRE : 0;
  return { ctl: (shard ? 7 : 0) | (buttons << 3), dir: Math.round(angle(shard) * 128) & 255, aim: Math.round(angle(prey) * 2048) & 4095 };
}

game.join({ name: 'Noddy', hue: 2, room: '', aspect: 1778 });
const pumping = setInterval(() => game.pump(controls), 8);
setTimeout(() => {
  console.log(`score ${game.board?.score}, rank ${game.board?.rank} of ${game.board?.ships}, ${game.stats.mispredictions} mispredictions`);
  game.leave();
  clearInterval(pumping);
}, Number(seconds) * 1000);
