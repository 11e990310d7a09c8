import assert from "node:assert/strict";
import { test } from "node:test";
import { Answers } from "../../../src/transport/zeromq/answers.ts";
import { encodeFrame, FRAME_VERSION, prefixOf, type ResponseHeader } from "../../../src/transport/zeromq/frame.ts";

const answer = (call: string): ResponseHeader => ({
  v: FRAME_VERSION,
  kind: "response",
  call,
  success: true,
  message: "",
});
const OPERATOR = prefixOf.caller("operator");
const CONTROL = prefixOf.caller("robot-control");

function answersOf(family?: string) {
  const [posted, subscribed] = [[] as string[], new Set<string>()];
  const inlet = {
    subscribe: (prefix: string) => void subscribed.add(prefix),
    unsubscribe: (prefix: string) => void subscribed.delete(prefix),
  };
  const outbox = { post: ([prefix]: Buffer[]) => void posted.push(prefix!.toString()) };
  return { answers: new Answers({ inlet, outbox }, family), posted, subscribed };
}

test("an answer waits until its caller listens, and is sent once", () => {
  const { answers, posted } = answersOf();
  answers.send(OPERATOR, answer("1"));
  answers.onWanted(CONTROL);
  assert.deepEqual(posted, []);
  answers.onWanted(OPERATOR);
  answers.onWanted(OPERATOR);
  assert.deepEqual(posted, [OPERATOR]);
  answers.send(OPERATOR, answer("2"));
  assert.deepEqual(posted, [OPERATOR, OPERATOR]);
});

test("answers to callers from elsewhere are passed on once each; the family's processes hear each other themselves", () => {
  const { answers, posted, subscribed } = answersOf("robot-");
  for (const prefix of [OPERATOR, CONTROL, "?/control/arm\0"]) answers.onWanted(prefix);
  assert.deepEqual([...subscribed], [OPERATOR]);
  for (const [prefix, call] of [
    [OPERATOR, "1"],
    [OPERATOR, "1"],
    [CONTROL, "2"],
    [OPERATOR, "3"],
  ] as const) {
    answers.passOn(answer(call), encodeFrame(prefix, answer(call)));
  }
  assert.deepEqual(posted, [OPERATOR, OPERATOR]);
  const query = { v: FRAME_VERSION, kind: "query", call: "3", server: "robot-control" } as const;
  answers.passOn(query, encodeFrame(OPERATOR, query));
  assert.equal(posted.length, 3, "a question about a call is another one than its response");
  answers.onUnwanted(OPERATOR);
  assert.equal(subscribed.size, 0);
});

test("a process without a family passes nothing on", () => {
  const { answers, posted, subscribed } = answersOf();
  answers.onWanted(OPERATOR);
  answers.passOn(answer("1"), encodeFrame(OPERATOR, answer("1")));
  assert.deepEqual([posted.length, subscribed.size], [0, 0]);
});
