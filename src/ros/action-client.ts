import type { ActionClient, GoalOutcome } from "../core/node.ts";
import type { RclActionClient } from "./rclnodejs.ts";

/** action_msgs/msg/GoalStatus, as far as a goal can end in it. */
const ENDED: Readonly<Record<number, GoalOutcome>> = { 4: "succeeded", 5: "canceled", 6: "aborted" };

/** An action client of rclnodejs as nodes see it. */
export function actionClient(client: RclActionClient): ActionClient {
  return {
    get isServed() {
      return client.isActionServerAvailable();
    },
    async send(goal) {
      const sent = await client.sendGoal(goal);
      if (!sent.isAccepted()) return "rejected";
      await sent.getResult();
      return ENDED[sent.status] ?? "aborted";
    },
  };
}
