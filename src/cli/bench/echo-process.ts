import { FramePuller, FramePusher } from "../../transport/index.ts";

/** The far end of `bench transport` in another process: sends back each frame it receives. */
const [, , bind = "", answerTo = ""] = process.argv;
const [puller, pusher] = [new FramePuller(), new FramePusher()];
const endpoint = await puller.bind(bind);
pusher.connect(answerTo);
process.on("disconnect", () => {
  pusher.close();
  puller.close();
});
process.send?.(endpoint);
for await (const { header, payload } of puller) await pusher.send(header, payload);
