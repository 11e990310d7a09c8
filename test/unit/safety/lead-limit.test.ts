import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limitLead } from "../../../src/safety/lead-limit.ts";

const MAX_LEAD = 0.2;
const PERIOD_S = 0.01;

function limited(request: number, commanded: number, position: number, velocity: number): number {
  const out = new Float64Array(1);
  const measured = { positions: [position], velocities: [velocity] };
  limitLead(Float64Array.of(request), Float64Array.of(commanded), measured, MAX_LEAD, out);
  return out[0]!;
}

test("a blocked joint's command runs ahead by at most maxLead, and moves back freely", () => {
  let commanded = 0;
  for (let i = 0; i < 500; i++) commanded += PERIOD_S * limited(1.5, commanded, 0, 0);
  assert.ok(commanded > 0.95 * MAX_LEAD && commanded <= MAX_LEAD, `lead ${commanded}`);
  assert.equal(limited(-1.5, commanded, 0, 0), -1.5);
});

test("a joint that follows is not held back, with the lag that it has at that speed", () => {
  assert.equal(limited(1.5, 0.15, 0, 1.5), 1.5);
  assert.equal(limited(1.5, 0, 0, 0), 1.5);
});

test("a joint that is pushed away takes its command along", () => {
  let [commanded, position] = [MAX_LEAD, 0];
  for (let i = 0; i < 200; i++) {
    position -= PERIOD_S * 0.3;
    commanded += PERIOD_S * limited(1.5, commanded, position, -0.3);
  }
  assert.ok(commanded - position < 1.3 * MAX_LEAD, `lead ${commanded - position}`);
});

test("a request is only ever lowered, or turned towards the joint while the command leads too far", () => {
  const number = fc.double({ min: -5, max: 5, noNaN: true });
  fc.assert(
    fc.property(number, number, number, number, (request, commanded, position, velocity) => {
      const result = limited(request, commanded, position, velocity);
      const lead = commanded - position;
      const leadsTooFar = Math.abs(lead) > MAX_LEAD;
      if (Math.sign(result) === Math.sign(request) || result === 0)
        assert.ok(Math.abs(result) <= Math.abs(request) || leadsTooFar);
      else assert.ok(leadsTooFar && Math.sign(result) === -Math.sign(lead), `${request} became ${result}`);
    }),
  );
});
