// Records the commands again: `npm run record`, after coinop-chain and coinop-native are built.

import { Recorder } from './recorder.js';
import { write } from './recording.js';
import { funds, play } from './scenario.js';

const recorder = await Recorder.start(funds);
try {
  await play(recorder);
  const { recorded } = recorder;
  write({ recorded, kept: (await recorder.kept()).tables });
  console.log(`recorded ${recorded.length} commands`);
} finally {
  await recorder.stop();
}
