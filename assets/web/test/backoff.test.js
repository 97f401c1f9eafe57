// The table of close codes and the pauses before connecting again.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { Backoff, CLOSE_RULES, closeRule } from '../client/backoff.js';

test('the table is the one that the Rust side has', () => {
  const source = readFileSync(new URL('../../../protocol/src/close.rs', import.meta.url), 'utf8');
  const rows = [...source.matchAll(/^\s+\w+ = (\d+), "\w+", (\w+), "/gm)].map((m) => [Number(m[1]), m[2]]);
  assert.ok(rows.length >= 18);
  const names = { Never: 'never', Yes: 'yes', Once: 'once', OnRequest: 'request' };
  for (const [code, retry] of rows) {
    // The page itself may be the old party: loading it again is worth one try.
    const expected = code === 4000 ? 'reload' : names[retry];
    assert.equal(CLOSE_RULES[code]?.retry, expected, `close code ${code}`);
    assert.ok(CLOSE_RULES[code].text.length > 0);
  }
  assert.equal(Object.keys(CLOSE_RULES).length, rows.length);
});

test('what no table names is a lost connection', () => {
  for (const code of [1005, 1006, 1015, 4999]) assert.equal(closeRule(code).retry, 'yes');
});

test('pauses double up to eight seconds, with full jitter', () => {
  const most = new Backoff(() => 1);
  assert.deepEqual(Array.from({ length: 8 }, () => most.next()), [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  most.reset();
  assert.equal(most.next(), 250);
  assert.equal(new Backoff(() => 0).next(), 0);
});
